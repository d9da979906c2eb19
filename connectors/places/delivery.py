"""One file as it lies somewhere, and how it gets here."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from connectors.formats.tables import File


class Delivery(Protocol):
    """One file of a dataset. `name` is how rows cite it, `table` the table of it that is wanted (empty: the first)."""

    @property
    def name(self) -> str:
        """Its path below the project folder, or below its place: `drop/night.zip!orders.csv`."""
        ...

    @property
    def size(self) -> int:
        """Bytes, as its place tells them; -1 where it tells nothing."""
        ...

    @property
    def modified(self) -> datetime | None:
        """When it was last written (aware), as its place tells it."""
        ...

    @property
    def table(self) -> str:
        """The table of it that the contract names; empty: the first."""
        ...

    @property
    def version(self) -> str:
        """A text that changes whenever the content does, as its place vouches for it (a strong ETag of RFC 9110).

        Empty where only the content tells. Nothing is fetched for it; files that belong to it are covered.
        """
        ...

    def fingerprint(self) -> str:
        """SHA-256 of its content, in hexadecimal; where files belong to it, of the line of hashes of all of them.

        Raises FileRefused where one of them cannot be read.
        """
        ...

    def fetched(self) -> AbstractContextManager[File]:
        """The file on this machine, while the context lasts, beside it those that belong to it, such as memos.

        Raises FileRefused where one of them cannot be had.
        """
        ...
