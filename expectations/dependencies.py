"""Values that other values determine: rows of one zip code that name another city than most of its rows do.

The same test stands here twice, for Polars and for DuckDB, so that the two counts can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from expectations.literals import quoted


def departing(fields: Sequence[str], field: str) -> pl.Expr:
    """True where `field` is not what most rows with the same `fields` hold, never null.

    Most: more than any other value. Where two or more values are held by equally many rows, nobody can say which is
    right, so all rows of that group are marked. Rows without a value, or without one of `fields`, are not judged.
    """
    judged = pl.all_horizontal(pl.col(name).is_not_null() for name in (*fields, field))
    alike = judged.sum().over([*fields, field])
    most = alike.max().over(fields)
    holders = (judged & (alike == most)).sum().over(fields)
    return judged & ((alike < most) | (holders > most))


def departing_sql(fields: Sequence[str], field: str) -> str:
    """The rows that `departing` marks, one by one, as a query over `{batch}` in DuckDB's SQL."""
    group, whole = ", ".join(map(quoted, fields)), ", ".join(map(quoted, (*fields, field)))
    judged = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in (*fields, field))
    alike = f"SELECT {group}, count(*) AS alike_ FROM {{batch}} WHERE {judged} GROUP BY {whole}"  # noqa: S608 - linked
    ranked = f"SELECT *, max(alike_) OVER (PARTITION BY {group}) AS most_ FROM ({alike}) AS a"  # noqa: S608
    held = f"SELECT *, sum((alike_ = most_)::INT) OVER (PARTITION BY {group}) AS holders_ FROM ({ranked}) AS b"  # noqa: S608
    odd = f"SELECT alike_ FROM ({held}) AS c WHERE alike_ < most_ OR holders_ > 1"  # noqa: S608
    return f"SELECT unnest(range(alike_)) AS failing FROM ({odd}) AS d"  # noqa: S608
