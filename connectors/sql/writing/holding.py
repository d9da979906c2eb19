"""How a column holds a field's values: into the database and back, exactly, or a reason why not.

The law: what is written reads back as the same value by the contract's rules. A value that would be rounded, cut,
padded into another one or taken for no value is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, select
from sqlalchemy.exc import DBAPIError

from catalog.models import Field
from connectors.sql.writing.columns import Kind, Place
from connectors.sql.writing.decoding import as_it_is, decode
from connectors.sql.writing.encoding import encode, meant
from connectors.sql.writing.models import Value
from connectors.sql.writing.values import typed

FITTING: dict[str, tuple[Kind, ...]] = {
    "string": ("text", "char", "integer", "binary", "named", "loose"),
    "integer": ("integer", "decimal", "float", "text", "char", "loose"),
    "number": ("decimal", "integer", "float", "single", "text", "char", "loose"),
    "boolean": ("boolean", "integer", "text", "char", "loose"),
    "date": ("date", "text", "char", "loose"),
    "timestamp": ("zoned", "local", "text", "char", "loose"),
    "time": ("clock", "text", "char", "loose"),
}


@dataclass(frozen=True)
class Holding:
    """A field and the column that holds it."""

    field: Field
    place: Place

    @property
    def generated(self) -> bool:
        """Whether the database computes the column itself."""
        column = self.place.column
        always = column.identity is not None and column.identity.always
        return column.computed is not None or bool(always)

    def decoded(self, raw: Any) -> Value:
        """A raw value as the contract's; one that is no value of its type stays the text that it is."""
        if raw is None:
            return None
        told = decode(self.field, self.place, raw)
        return told if told is not None else as_it_is(raw)

    def encoded(self, value: Value, *, like: Any = None) -> Any:
        """The raw value for one of the contract's types; `like` is the raw value that stands there. ValueError: no."""
        if value is None:
            return None
        meant(self.field, value)
        raw = encode(self.field, self.place, value, like)
        if self.same(raw, value):
            return raw
        raise ValueError("would read back as another value")

    def same(self, raw: Any, value: Value) -> bool:
        """Whether a raw value is exactly this one: NULL is no empty text, case and accents count, blanks count.

        Blanks that a column of fixed width fills up with are no part of its value.
        """
        if raw is None or value is None:
            return raw is None and value is None
        told = self.decoded(raw)
        if self.place.kind == "char" and isinstance(told, str) and isinstance(value, str):
            return told.rstrip(" ") == value.rstrip(" ")
        return type(told) is type(value) and told == value

    def expected(self, value: Value) -> Value:
        """An expected value as the contract's type; a text that is none is compared as it stands in the database."""
        try:
            return typed(self.field, value)
        except ValueError:
            if isinstance(value, str):
                return value
            raise

    def canonical(self, connection: Connection, raw: Any) -> Any:
        """A raw value as the database will hold it, asked of the database where only it knows. Raises ValueError."""
        if raw is None or self.place.backend != "postgresql":
            return raw
        if self.place.kind == "char" and self.place.characters:
            return raw.ljust(self.place.characters)
        if self.place.kind != "named":
            return raw
        try:
            with connection.begin_nested():
                return connection.scalar(
                    select(cast(cast(bindparam(None, raw, type_=Text()), self.place.column.type), Text))
                )
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            raise ValueError("is no value of the column's type") from None


def why_closed(field: Field, place: Place | None) -> str:
    """Why a field cannot be written or compared; empty where it can."""
    reasons = (
        (field.combine is not None, "is combined from other fields; change those"),
        (field.mask is not None, "is masked; what is seen of it is not what the database holds"),
        (field.unit is not None, "is converted to another unit, and no way back is exact"),
        (place is None, "is read from a column that is not there, or of a type that is not written"),
        (
            place is not None and place.kind == "binary" and field.type == "string" and field.blob != "extract",
            "is read without its content",
        ),
        (
            place is not None and place.kind not in FITTING[field.type],
            f"is a {field.type} here and something else in its column",
        ),
    )
    return next((reason for applies, reason in reasons if applies), "")
