"""Where a declaration stands, so that every complaint about it can name its line."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Place(BaseModel):
    """Where a declaration stands: file relative to the project folder, line from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    line: int = 0
