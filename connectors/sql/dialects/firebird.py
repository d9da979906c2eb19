"""Firebird: one read-only snapshot transaction, and the traps of an old friend that legacy systems still live in.

A NUMERIC(4, 2) is a 16-bit number and may hold 327.67, so a decimal is carried with the digits of what stores it. A
column without a character set (NONE) holds bytes in whatever the application wrote: the source's `encoding` says what.
Its HASH() of 64 bits is too weak to tell rows apart, and 3.0 has no other, so there is no `row_hash`.

Rows come through firebird-driver and SQLAlchemy; a blob costs a round trip of its own.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Connection, Engine, FromClause, cast, create_engine, event, type_coerce
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.types import LargeBinary, NullType, Numeric, String, UserDefinedType

from catalog.models import BlobPolicy, Source
from connectors.sql.dialects.base import Dialect
from connectors.sql.types import WIDEST_DECIMAL, Carried, fitting

ENCODINGS = {
    "ascii": "ASCII", "big5": "BIG_5", "cp1250": "WIN1250", "cp1251": "WIN1251", "cp1252": "WIN1252",
    "cp1253": "WIN1253", "cp1254": "WIN1254", "cp1255": "WIN1255", "cp1256": "WIN1256", "cp1257": "WIN1257",
    "cp1258": "WIN1258", "cp437": "DOS437", "cp737": "DOS737", "cp775": "DOS775", "cp850": "DOS850", "cp852": "DOS852",
    "cp857": "DOS857", "cp858": "DOS858", "cp860": "DOS860", "cp861": "DOS861", "cp862": "DOS862", "cp863": "DOS863",
    "cp864": "DOS864", "cp865": "DOS865", "cp866": "DOS866", "cp869": "DOS869", "euc_jp": "EUCJ_0208",
    "euc_kr": "KSC_5601", "gb18030": "GB18030", "gb2312": "GB_2312", "gbk": "GBK", "iso8859-1": "ISO8859_1",
    "iso8859-2": "ISO8859_2", "iso8859-3": "ISO8859_3", "iso8859-4": "ISO8859_4", "iso8859-5": "ISO8859_5",
    "iso8859-6": "ISO8859_6", "iso8859-7": "ISO8859_7", "iso8859-8": "ISO8859_8", "iso8859-9": "ISO8859_9",
    "iso8859-13": "ISO8859_13", "koi8-r": "KOI8R", "koi8-u": "KOI8U", "shift_jis": "SJIS_0208",
}  # fmt: skip  # Python's name of a codec to Firebird's
LOCK_TIMEOUT = 10  # seconds
LOST = (335544648, 335544721, 335544726, 335544727, 335544741, 335544856, 335544528)
UNLOCKED = (335544336, 335544345, 335544451, 335544510, 335545096)  # deadlock, lock and update conflicts, timeout
STATEMENT_TIMEOUT_SINCE = (4,)  # the server's version
ARRAY_REMEDY = "read its elements through a view, or leave it out by landbridge.blob: skip"
WIDEST_TEXT = 8191  # characters of a VARCHAR in UTF-8; the server refuses to send more, but not as a blob
LONGEST_TEXT = 64  # characters that a number, date or moment needs at most

DRIVER = "firebird+landbridge"
registry.register("firebird.landbridge", "connectors.sql.dialects.firebird_driver", "FirebirdDriver")


class Told(UserDefinedType[Any]):
    """A type by its words; `array` where one value of the column is many."""

    cache_ok = True

    def __init__(self, words: str, *, array: bool = False) -> None:
        self.words, self.array = words, array

    def get_col_spec(self, **_: Any) -> str:
        """The type as it is declared."""
        return self.words


class Firebird(Dialect):
    """Firebird 3 and later; tried with 3.0. What only 4 and later have (DECFLOAT, INT128, zones) is read as text."""

    name = "firebird"
    holds_snapshot = True

    def arguments(self, source: Source) -> dict[str, Any]:
        """Text arrives in UTF-8, whatever a column or the URL says."""
        return {"charset": "UTF8"}

    def engine(self, url: URL, source: Source) -> Engine:
        """Every transaction of its connections is a read-only snapshot, also those that a rollback begins anew."""
        engine = create_engine(url.set(drivername=DRIVER), connect_args=self.arguments(source))
        event.listen(engine, "connect", _read_only)
        return engine

    def begin(self, connection: Connection, source: Source) -> None:
        """The snapshot begins now; version 3 has no limit on the time of a statement."""
        connection.connection.driver_connection.begin()  # type: ignore[union-attr]
        connection.info["charset"] = _charset(source)
        if (connection.dialect.server_version_info or ()) >= STATEMENT_TIMEOUT_SINCE:
            seconds = max(1, int(source.statement_timeout))
            connection.exec_driver_sql(f"SET STATEMENT TIMEOUT {seconds} SECOND")

    def lost(self, error: DBAPIError) -> bool:
        """The network or the server is gone, or the database was shut down."""
        return error.connection_invalidated or bool({*LOST} & {*_codes(error)})

    def unlocked(self, error: DBAPIError) -> bool:
        """A conflict with another transaction."""
        return bool({*UNLOCKED} & {*_codes(error)})

    def dtype(self, kind: Any) -> pl.DataType | None:
        """A decimal with all the digits that its storage holds."""
        if isinstance(kind, Numeric) and kind.asdecimal:
            stored = _stored_digits(kind)
            return pl.Decimal(stored, kind.scale or 0) if stored else None
        return None if isinstance(kind, Told) else fitting(kind)

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The value as the server writes it; a blob's bytes are written here."""
        if isinstance(column.type, LargeBinary | String | NullType):
            return type_coerce(column, NullType())
        return cast(column, Told(f"VARCHAR({LONGEST_TEXT}) CHARACTER SET ASCII"))

    def carried(
        self, connection: Connection, relation: FromClause, *, text: Collection[str], blobs: Mapping[str, BlobPolicy]
    ) -> list[Carried]:
        """A text without a character set is read in the source's encoding, and what is too wide for UTF-8 as a blob."""
        charset = connection.info.get("charset", "")
        told = super().carried(connection, relation, text=text, blobs=blobs)
        return [
            Carried(one.name, cast(column, known), pl.String())
            if blobs.get(one.name) != "skip" and (known := _recast(column.type, charset)) is not None
            else one
            for one, column in zip(told, relation.columns, strict=True)
        ]

    def column(self, column: Any) -> Carried:
        """Values come untouched by SQLAlchemy's own conversions."""
        name, kind, raw = str(column.name), column.type, type_coerce(column, NullType())
        if isinstance(kind, Told) and kind.array:
            raise InvalidRequestError(f"the column '{name}' is an array; {ARRAY_REMEDY}")
        dtype = self.dtype(kind)
        if dtype is not None:
            return Carried(name, raw, dtype, single=kind.__visit_name__ == "FLOAT")
        return Carried(name, self.as_text(column), pl.String())


def _read_only(connection: Any, _record: Any) -> None:
    from firebird.driver import Isolation, TraAccessMode, tpb

    snapshot = tpb(Isolation.SNAPSHOT, lock_timeout=LOCK_TIMEOUT, access_mode=TraAccessMode.READ)
    connection.default_tpb = connection.main_transaction.default_tpb = snapshot


def _charset(source: Source) -> str:
    """Firebird's name of the source's encoding; empty for UTF-8 and what Firebird has no name for: then UTF-8 it is."""
    return ENCODINGS.get(codecs.lookup(source.encoding or "utf-8").name, "")


def _recast(kind: Any, encoding: str) -> Told | None:
    """What a text has to be cast to, so that it can be sent in UTF-8; None where it is fine as it is.

    To give a character set to a text that has none changes no byte of it.
    """
    length, charset = getattr(kind, "length", None), getattr(kind, "charset", None)
    bare = charset == "NONE"
    if not isinstance(kind, String) or not charset or (bare and not encoding):
        return None
    if length is None or length > WIDEST_TEXT:
        return Told(f"BLOB SUB_TYPE TEXT CHARACTER SET {encoding if bare else charset}") if bare or length else None
    fixed = "CHAR" if kind.__visit_name__ == "CHAR" else "VARCHAR"
    return Told(f"{fixed}({length}) CHARACTER SET {encoding}") if bare else None


def _stored_digits(kind: Numeric[Any]) -> int:
    """Digits of the whole number that a decimal is stored as: 16 bits for a NUMERIC of up to 4, then 32, 64, 128."""
    precision = kind.precision or 0
    if not 0 < precision <= WIDEST_DECIMAL:
        return 0
    if precision <= 4 and kind.__visit_name__ == "NUMERIC":
        return 5
    return next(digits for up_to, digits in ((9, 10), (18, 19), (38, 38)) if precision <= up_to)


def _codes(error: DBAPIError) -> tuple[int, ...]:
    return tuple(getattr(error.orig, "gds_codes", None) or ())
