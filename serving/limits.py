"""How much one caller may ask for at once; what is outside is refused in one line, before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.errors import BadQuery
from index.access import Filter

MOST_DATASETS, MOST_FILTERS, MOST_VALUES = 50, 8, 100
LONGEST_VALUE, LONGEST_PURPOSE, LONGEST_NAME = 500, 500, 2_000  # characters
LARGEST_BODY = 1024 * 1024  # bytes of a request


def check_limits(datasets: Sequence[str], filters: Sequence[Filter], purpose: str) -> None:
    """BadQuery for what the index's own limits on question and hits do not cover."""
    for what, count, most in (("datasets", len(datasets), MOST_DATASETS), ("filters", len(filters), MOST_FILTERS)):
        if count > most:
            raise BadQuery(f"{count:,} {what} are too many", f"Use at most {most}.")
    values = [value for one in filters for value in one.values]
    if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values):
        raise BadQuery("the filters are too large", f"Use {MOST_VALUES} values of {LONGEST_VALUE} characters at most.")
    if len(purpose) > LONGEST_PURPOSE:
        raise BadQuery("the purpose is too long", f"Use at most {LONGEST_PURPOSE} characters.")


def asked(limit: int, datasets: Sequence[str], filters: Sequence[Filter]) -> dict[str, Any]:
    """What was asked besides the question, cut to what the trace keeps."""
    kept = [one.model_dump(mode="json") for one in filters[:MOST_FILTERS] if len(one.values) <= MOST_VALUES]
    return {"limit": limit, "datasets": [name[:LONGEST_VALUE] for name in datasets[:MOST_DATASETS]], "filters": kept}


def storable(text: str) -> str:
    """`text` as any database can hold it: without lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", " ")


def is_name(text: str) -> bool:
    """Whether `text` can be the name of anything here at all."""
    return 0 < len(text) <= LONGEST_NAME and text == storable(text)
