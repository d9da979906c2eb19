"""What may be declared about a delimited file; what is not declared is detected."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from connectors.formats.delimited.dialects import Declared
from connectors.formats.tables import FormatOptions


class Options(FormatOptions):
    """None is detected. `quote: ""` says that quotes are text; `record_end`, what ends a record in place of a line end.

    `header_lines: 0` says that there is no header; `skip_lines` and `footer_lines` count lines that are no part of the
    table above and below it. `ragged`: a row with too few cells is a reject, or filled with nulls; one with too many
    is a reject either way. `table` is the number of the table, from 1, where a file holds several.
    """

    encoding: str | None = None
    separator: str | None = Field(default=None, min_length=1)
    quote: str | None = Field(default=None, max_length=1)
    escape: str | None = Field(default=None, max_length=1)
    record_end: str | None = None
    header_lines: int | None = Field(default=None, ge=0)
    skip_lines: int | None = Field(default=None, ge=0)
    footer_lines: int | None = Field(default=None, ge=0)
    comment: str = ""
    ragged: Literal["reject", "fill"] = "reject"
    table: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        signs = [sign for sign in (self.separator, self.quote) if sign]
        if len(set(signs)) < len(signs) or any(sign in ("\n", "\r") for one in signs for sign in one):
            raise ValueError("separator and quote must be different signs, and no line ends")
        return self

    @property
    def dialect(self) -> Declared:
        """What is declared of the dialect."""
        return Declared(self.separator, self.quote, self.escape, self.record_end)
