"""What differs between databases: one module for each, loaded when a source of its kind is read."""

from __future__ import annotations

from importlib import import_module

from connectors.sql.dialects.base import Dialect

__all__ = ["Dialect", "dialect_of"]

_KNOWN = {
    "postgresql": "postgresql:PostgreSQL",
    "mysql": "mysql:MySQL",
    "mariadb": "mysql:MariaDB",
    "sqlite": "sqlite:SQLite",
    "firebird": "firebird:Firebird",
    "oracle": "oracle:Oracle",
    "mssql": "mssql:SQLServer",
    "ibm_db_sa": "db2:DB2",
    "db2": "db2:DB2",
}


def dialect_of(backend: str) -> Dialect:
    """The answers for a database by SQLAlchemy's name of it; the cautious ones where none are known."""
    if backend not in _KNOWN:
        return Dialect()
    module, _, name = _KNOWN[backend].partition(":")
    found = getattr(import_module(f"connectors.sql.dialects.{module}"), name)()
    if not isinstance(found, Dialect):
        raise TypeError(f"{name} is no Dialect")
    return found
