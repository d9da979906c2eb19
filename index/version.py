"""One version of the table of chunks: read and written through Lance itself, searched through LanceDB.

Lance is loaded in a quarter of the time that LanceDB takes, and a run in which little changed searches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import LanceTable


class Version:
    """A handle on one version; what is written through it takes it along to the version that was made.

    `searchable` opens the table in LanceDB, at a version, or with None at the newest, where indices can be built.
    """

    def __init__(self, lance: Any, searchable: Callable[[int | None], LanceTable]) -> None:
        self._lance, self._searchable = lance, searchable

    @property
    def version(self) -> int:
        """Its number."""
        return int(self._lance.version)

    @property
    def schema(self) -> pa.Schema:
        """Its columns; the metadata name the model and its dimension."""
        schema: pa.Schema = self._lance.schema
        return schema

    def to_lance(self) -> Any:
        """The `lance.LanceDataset` behind it."""
        return self._lance

    def count_rows(self) -> int:
        """Rows that are not deleted."""
        return int(self._lance.count_rows())

    def checkout_latest(self) -> None:
        """Go to the newest version."""
        self._lance.checkout_latest()

    def table(self) -> LanceTable:
        """The version in LanceDB, to be searched; pinned, whatever is written meanwhile."""
        return self._searchable(self.version)

    def create_index(self, column: str, config: Any) -> None:
        """Build an index of the newest version, and go to the version that has it."""
        self._searchable(None).create_index(column, config=config)
        self.checkout_latest()
