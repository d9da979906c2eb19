"""Read what a SELECT gives as if it were a table: checked to be one SELECT, and wrapped into ours."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, FromClause, literal_column, select, text

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source

_PIECES = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<sign>[();])""",
    re.DOTALL | re.VERBOSE,
)
_FIRST_WORD = re.compile(r"\s*\(*\s*(\w+)")


def query_fault(query: str) -> str | None:
    """Why a text is not one SELECT; None where it is. What it may do is the read-only transaction's affair."""
    bare = _PIECES.sub(lambda piece: " " if piece["comment"] else ("''" if piece["quoted"] else piece.group()), query)
    word = _FIRST_WORD.match(bare)
    if word is None or word[1].lower() not in ("select", "with", "values"):
        return f"the query begins with '{word[1] if word else bare[:20].strip()}'"
    depth = 0
    for sign in re.findall(r"[();]", bare.rstrip().removesuffix(";")):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == ";" or depth < 0:
            return "the query is more than one statement"
    return None if depth == 0 else "the query's parentheses do not match"


def asked(connection: Connection, source: Source, dataset: Dataset) -> FromClause:
    """The query as a relation, with its column names as the database tells them.

    Raises SourceUnreadable where it is not one SELECT, or gives two columns of one name.
    """
    fault = query_fault(dataset.query)
    if fault is not None:
        raise SourceUnreadable(
            source.name, dataset.name, fault, "Write one SELECT under landbridge.query, without a semicolon."
        )
    inner = dataset.query.strip().rstrip(";").replace(":", r"\:")  # a colon is no parameter
    bare = text(f"({inner}\n) asked")
    result: Any = connection.execute(select(literal_column("*")).select_from(bare).limit(0))
    names = list(result.keys())
    result.close()
    double = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if double is not None:
        raise SourceUnreadable(
            source.name, dataset.name, f"the query gives two columns '{double}'", "Name one of them with AS."
        )
    columns: list[Any] = [
        literal_column(connection.dialect.identifier_preparer.quote(name)).label(name) for name in names
    ]
    return select(*columns).select_from(bare).subquery("asked")
