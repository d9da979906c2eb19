"""What every declaration is: frozen, strict about its words, and able to say where it stands."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["critical", "warning", "info"]


class Declaration(BaseModel):
    """A frozen value read from YAML; a key nobody knows is an error, not a shrug."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(Declaration):
    """Where a declaration stands: file relative to the project folder, line from 1."""

    file: str
    line: int = 0
