"""Which driver a database URL means that names none: the one that Landbridge or its extra installs."""

from __future__ import annotations

from collections.abc import Mapping

DRIVERS: Mapping[str, str] = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pymssql",
    "oracle": "oracle+oracledb",
}


def with_driver(name: str) -> str:
    """`postgresql` becomes `postgresql+psycopg`; a name with a driver of its own stays."""
    return DRIVERS.get(name, name)
