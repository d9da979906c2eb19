"""What a connector is: two functions, and four more that it may have. A module is one, and so is an object.

`docs/connectors.md` tells how to write one; `connectors.testing` holds the laws, as tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from catalog.models import Dataset, Source
    from connectors.batch import Batch, Since


class Connector(Protocol):
    """Everything that rows come from. `folder` is the project folder; `source.options` is what the plug-in defines.

    Errors are SourceUnreachable and SourceUnreadable, each with a remedy, without a row's value or a secret.
    """

    def read(self, source: Source, dataset: Dataset, *, folder: Path) -> Iterator[Batch]:
        """Everything that is there, in batches of one schema, at least one, within `batch_rows` and `batch_bytes`.

        Columns are named as the source names them, and each row has a `_location` (String) and a `_position` (Int64)
        that no other row has and that stay as long as the row does. A record that no row can be made of is a reject.
        """
        ...

    def columns(self, source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
        """Columns that are there now, with the types the source declares; `text` where it declares none."""
        ...


class IncrementalConnector(Protocol):
    """A connector that can tell what changed. It has `INCREMENTAL = True` beside the functions of a Connector."""

    INCREMENTAL: bool

    def read(self, source: Source, dataset: Dataset, *, folder: Path, since: Since | None = None) -> Iterator[Batch]:
        """As `Connector.read`; with `since`, what is new, changed or gone, or everything where it cannot tell.

        It keeps nothing between reads: what a reader did not take to the end is told again. See `Batch` and `Since`.
        """
        ...


class MarkedConnector(Protocol):
    """A connector that can tell without reading whether anything changed."""

    def mark(self, source: Source, dataset: Dataset, *, folder: Path) -> str | None:
        """A text that differs whenever a read would; None where that cannot be known now, and everything is read."""
        ...


class FileConnector(Protocol):
    """A connector that reads files. They are its mark, and a new one starts a run."""

    def files_of(self, source: Source, dataset: Dataset, *, folder: Path) -> Sequence[Path]:
        """The files behind a dataset, in reading order. `from connectors.files import files_of` is enough."""
        ...


class CheckedConnector(Protocol):
    """A connector that has options, and knows which."""

    def check_options(self, options: Mapping[str, Any]) -> Sequence[str]:
        """What is wrong with `source.options`, a sentence each, without reaching the source."""
        ...


if TYPE_CHECKING:  # the built-in ones are connectors, says mypy
    from connectors import sql
    from connectors.filing import Filed

    BUILT_IN: tuple[Connector, ...] = (sql, Filed("csv"))
    FILES: tuple[IncrementalConnector, FileConnector] = (Filed("csv"), Filed("csv"))
