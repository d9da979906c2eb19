"""Read and write mainframe files in tests: bytes and a copybook in, rows and notices out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors.formats.mainframe import Options, tables
from connectors.formats.tables import File, Limits, Noticed

COBRIX = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "mainframe" / "cobrix"
needs_cobrix = pytest.mark.skipif(not COBRIX.is_dir(), reason="the Cobrix files are not here")


def fixed(*entries: str) -> str:
    """A copybook in reference format, the entries below one record."""
    return "\n".join(["       01  RECORD.", *(f"           05  {entry}." for entry in entries)])


def ebcdic(text: str) -> bytes:
    return text.encode("cp037")


class Reader:
    """Reads files of a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "records.dat"

    def table(self, content: bytes, copybook: str, *, limits: Limits | None = None, **options: Any) -> Any:
        self.path.write_bytes(content)
        declared = Options(copybook_text=(copybook,), **options)
        return tables(File(self.path, "records.dat"), declared, limits=limits or Limits())[0]

    def __call__(self, content: bytes, copybook: str, **options: Any) -> tuple[pl.DataFrame, dict[str, Noticed]]:
        """The rows with `_position`, and the notices by their rules."""
        table = self.table(content, copybook, **options)
        pieces = list(table.pieces())
        frame = pl.concat([piece.frame for piece in pieces])
        assert frame.schema == pl.Schema(table.schema | {"_position": pl.Int64()})
        told = [*table.noticed, *(notice for piece in pieces for notice in piece.noticed)]
        return frame, {notice.rule: notice for notice in told}

    def rows(self, content: bytes, copybook: str, **options: Any) -> list[dict[str, Any]]:
        """The rows as dictionaries, without their positions."""
        return self(content, copybook, **options)[0].drop("_position").to_dicts()
