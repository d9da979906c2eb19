"""Mainframe files: records in EBCDIC or ASCII that a COBOL copybook describes.

Nothing in such a file tells what it is, so it is read only where a copybook is declared (`Options.copybook`). The
record formats are those of z/OS DFSMS, the data descriptions those of IBM Enterprise COBOL; options and the shape of
rows follow Cobrix. A wrong copybook is refused where lengths show it, and reported as doubtful where values do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl

from connectors.formats.mainframe.options import Options
from connectors.formats.tables import File, Limits, Table

__all__ = ["Options", "recognises", "tables", "write"]


def recognises(head: bytes, file: File) -> bool:
    """Never: only a copybook tells."""
    return False


def tables(file: File, options: Options, *, limits: Limits) -> Sequence[Table]:
    """The one table of a mainframe file. Raises FileRefused."""
    from connectors.formats.mainframe.columns import declared_of, schema_of
    from connectors.formats.mainframe.planning import described, planned
    from connectors.formats.mainframe.probing import probed
    from connectors.formats.mainframe.rows import pieces

    plan = planned(file, options, limits)
    noticed = probed(file, plan)
    return [
        Table(
            name=plan.layout.roots[0].name,
            schema=schema_of(plan.layout, options),
            declared=declared_of(plan.layout, options),
            pieces=partial(pieces, file, plan, limits),
            meta=described(plan),
            noticed=noticed,
        )
    ]


def write(frame: pl.DataFrame, options: Options, target: Path) -> int:
    """Write rows as records of the options' copybook; the number of bytes. Raises FileRefused."""
    from connectors.formats.mainframe.writing import written

    return written(frame, options, target)
