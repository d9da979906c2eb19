"""The SHA-256 of a binary column where the database computes none: the content travels, its hash is what is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import polars as pl

from catalog.models import BlobPolicy
from connectors.sql.dialects.base import Dialect
from connectors.sql.types import Carried


@dataclass(frozen=True)
class Hashed(Carried):
    """A binary column of which only the hash is wanted."""

    def series(self, values: Sequence[Any]) -> pl.Series:
        """The hashes as lower-case hexadecimal text."""
        told = [None if one is None else sha256(one).hexdigest() for one in values]
        return pl.Series(self.name, told, dtype=self.dtype)


class HashesHere(Dialect):
    """A database that hashes no blob."""

    def governed(self, column: Any, text: Collection[str], blobs: Mapping[str, BlobPolicy]) -> Carried:
        """A column under its blob policy."""
        told = super().governed(column, text, blobs)
        wanted = blobs.get(told.name) == "hash" and told.dtype == pl.Binary()
        return Hashed(told.name, told.asked, pl.String(), driver_only=True) if wanted else told
