"""Settings of a running Landbridge, from environment variables that begin with `LANDBRIDGE_`."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from catalog.errors import Problem, ProjectError

Runtime = Literal["auto", "openvino", "onnxruntime", "sentence-transformers"]
LogLevel = Literal["debug", "info", "warning", "error"]
PREFIX = "LANDBRIDGE_"


def _names(told: Any) -> Any:
    return [name.strip().lower() for name in told.split(",") if name.strip()] if isinstance(told, str) else told


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]  # in the environment parted by commas


class Settings(BaseSettings):
    """What differs between machines. `home` and `ledger_url` are the variables that `catalog.home.Home` reads, too."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    home: Path | None = None  # default: .landbridge/ in the project folder
    ledger_url: str | None = None  # default: SQLite in the home
    index: str | None = None  # a folder, or s3://bucket/prefix; default: a folder in the home
    index_endpoint: str | None = None  # this and what follows: of an index in an object store
    index_region: str | None = None
    index_key: str | None = None
    index_secret: SecretStr | None = None  # itself or a reference, such as ${file:/run/secrets/index}
    index_token: SecretStr | None = None
    index_lease: float = Field(default=60.0, ge=3, le=3600)  # seconds until a silent writer counts as dead
    mask_key: SecretStr | None = None  # default: made once, in the home
    host: str = "127.0.0.1"
    port: int = Field(default=8787, ge=1, le=65535)
    embedder: Runtime = "auto"
    log_level: LogLevel = "info"
    allowed_hosts: Names = ()  # that files are fetched from, `*.example.org` with all below; empty: those sources name
    settled_after: float | None = Field(default=None, ge=0)  # seconds; default: what each source says


def load_settings() -> Settings:
    """The settings of this environment; a bad variable is a ProjectError that names it and never shows its value."""
    return _settings(tuple((name, told) for name, told in os.environ.items() if name.upper().startswith(PREFIX)))


@lru_cache(maxsize=1)
def _settings(_variables: tuple[tuple[str, str], ...]) -> Settings:
    """The settings, read again only where a variable of ours changed."""
    try:
        return Settings()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        told = [Problem(f"LANDBRIDGE_{fault['loc'][0]}".upper(), 0, f"{fault['msg']}.") for fault in faults]
        raise ProjectError(told) from None
