"""What a database's error means for a change: try again, somebody's mistake, or a rule that the change breaks.

Messages of databases quote rows; so only what is known of the error's code, and the names of constraints and columns,
is told.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError

from connectors.sql.writing.columns import MYSQL
from connectors.sql.writing.models import Blocker, BlockerKind

TRANSIENT: dict[str, frozenset[str]] = {  # another transaction was in the way: the same again may succeed
    "postgresql": frozenset({"40001", "40P01", "55P03"}),
    "mysql": frozenset({"1213", "1205", "1020"}),
    "sqlite": frozenset({"SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED"}),
    "firebird": frozenset({"335544336", "335544345", "335544451"}),
}
CODES: dict[str, dict[str, BlockerKind]] = {
    "postgresql": {
        "23505": "unique", "23503": "reference", "23514": "check", "23502": "not_null", "22001": "too_long",
        "22003": "not_a_value", "22P02": "not_a_value", "22P05": "not_a_value", "22007": "not_a_value",
        "P0001": "trigger", "23P01": "unique", "44000": "check", "428C9": "generated",
    },
    "mysql": {
        "1062": "unique", "1451": "reference", "1452": "reference", "4025": "check", "3819": "check",
        "1048": "not_null", "1364": "not_null", "1406": "too_long", "1264": "not_a_value", "1265": "not_a_value",
        "1366": "not_a_value", "1292": "not_a_value", "1644": "trigger", "1906": "generated",
    },
    "sqlite": {
        "SQLITE_CONSTRAINT_UNIQUE": "unique", "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
        "SQLITE_CONSTRAINT_ROWID": "unique", "SQLITE_CONSTRAINT_FOREIGNKEY": "reference",
        "SQLITE_CONSTRAINT_CHECK": "check", "SQLITE_CONSTRAINT_NOTNULL": "not_null",
        "SQLITE_CONSTRAINT_TRIGGER": "trigger", "SQLITE_CONSTRAINT_DATATYPE": "not_a_value",
    },
}  # fmt: skip
SAID: dict[str, str] = {
    "unique": "another row holds a value that may stand once",
    "reference": "a foreign key does not allow it",
    "check": "a check constraint does not allow it",
    "not_null": "a column must have a value",
    "too_long": "a value is too long for its column",
    "not_a_value": "a value does not fit its column",
    "trigger": "a trigger of the table refuses it; what it says may quote a row and is not told",
    "generated": "a column is computed by the database",
    "refused": "the database refuses it",
}
DENIED = {"postgresql": ("42501",), "mysql": ("1142", "1143", "1044", "1290", "1792"), "sqlite": ("SQLITE_READONLY",)}
TIMED_OUT = {"postgresql": ("57014",), "mysql": ("1969", "3024"), "sqlite": ("SQLITE_INTERRUPT",)}
_MYSQL_NAMES = (
    re.compile(r"CONSTRAINT `([^`]+)`"),
    re.compile(r"for key '([^']+)'\Z"),
    re.compile(r"^Column '([^']+)'"),
)


def transient(error: DBAPIError, backend: str) -> bool:
    """Whether the whole transaction is worth another try: a deadlock, a lock held too long, a lost connection."""
    known = TRANSIENT.get(_family(backend), frozenset())
    return bool(error.connection_invalidated) or bool(set(_codes(error)) & known)


def broken(error: DBAPIError, backend: str, change: int) -> Blocker:
    """The rule that a change breaks, without a row's value."""
    family, codes = _family(backend), _codes(error)
    if set(codes) & set(DENIED.get(family, ())):
        return Blocker(kind="refused", change=change, what="the writing account has not the right",
                       remedy="Grant it on this table.")  # fmt: skip
    if set(codes) & set(TIMED_OUT.get(family, ())):
        return Blocker(kind="refused", change=change, what="the statement took too long and was stopped")
    known = CODES.get(family, {})
    fallback: BlockerKind = "check" if isinstance(error, IntegrityError) else "refused"
    kind = next((known[code] for code in codes if code in known), fallback)
    name = _named(error, family)
    code = f" (code {codes[0]})" if kind == "refused" and codes else ""
    return Blocker(kind=kind, change=change, what=SAID[kind] + (f": {name}" if name else "") + code)


def _family(backend: str) -> str:
    return "mysql" if backend in MYSQL else backend


def _codes(error: DBAPIError) -> list[str]:
    """The error's codes in the words of its database."""
    told: Any = error.orig
    first = getattr(told, "args", ("",))[:1]
    found = [getattr(told, "sqlstate", None), getattr(told, "sqlite_errorname", None), *first]
    found += list(getattr(told, "gds_codes", None) or ())
    return [str(code) for code in found if isinstance(code, int) or (code and re.fullmatch(r"[A-Z0-9_]{5,}", code))]


def _named(error: DBAPIError, family: str) -> str:
    """The constraint or column that an error names."""
    told: Any = error.orig
    if family == "postgresql":
        diagnosis = getattr(told, "diag", None)
        return str(getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "column_name", None) or "")
    if family == "mysql":
        message = str(told.args[1]) if len(getattr(told, "args", ())) > 1 else ""
        return next((found[1] for one in _MYSQL_NAMES if (found := one.search(message))), "")
    if family == "sqlite" and not str(getattr(told, "sqlite_errorname", "")).endswith(("TRIGGER", "DATATYPE")):
        return str(told).partition("constraint failed: ")[2]
    return ""
