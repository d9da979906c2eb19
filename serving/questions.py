"""What callers may send, with its limits and its meaning: the same over HTTP and MCP."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from index.access import Filter
from index.answers import LONGEST, MOST
from ledger.models import Severity
from serving.limits import LONGEST_NAME, LONGEST_PURPOSE, MOST_DATASETS, MOST_FILTERS


def _whole(value: object) -> object:
    """In JSON 8.0 is a whole number, too; "8" is none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


QueryText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST,
        pattern=r"\S",
        description="A question or keywords. Codes and keys in it are matched exactly.",
    ),
]
HitLimit = Annotated[
    int, Field(ge=1, le=MOST, strict=True, description="Most records to return."), BeforeValidator(_whole)
]
DatasetNames = Annotated[
    list[str], Field(max_length=MOST_DATASETS, description="Only these datasets; empty: all that the caller may see.")
]
Filters = Annotated[list[Filter], Field(max_length=MOST_FILTERS, description="Conditions that must all hold.")]
SessionId = Annotated[
    str | None,
    Field(min_length=1, max_length=LONGEST_NAME, description="From an earlier answer, to continue that visit."),
]
Purpose = Annotated[
    str, Field(max_length=LONGEST_PURPOSE, description="What the answer is for; kept in the trace of the visit.")
]
AsOf = Annotated[
    str,
    Field(
        max_length=LONGEST_PURPOSE,
        description="Answer as of then, for callers with the role auditor: the number of an index version, a moment "
        "such as 2026-03-01T08:00:00Z, or the id of a session. Empty: from what is published now.",
    ),
]
Urn = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, description="The urn of a hit or a citation.")]
DatasetName = Annotated[str | None, Field(description="Only of this dataset.")]
SeverityName = Annotated[Severity | None, Field(description="Only of this severity.")]
RuleName = Annotated[str | None, Field(description="Only of this rule.")]


class SearchRequest(BaseModel):
    """A question over HTTP; a key that is not listed here is refused."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"query": "Which aircraft flew to San Juan without a registry record?", "limit": 5},
                {
                    "query": "crosswind limit on a wet runway",
                    "datasets": ["guides"],
                    "filters": [{"field": "source", "op": "eq", "value": "guides"}],
                    "purpose": "briefing",
                },
            ]
        },
    )

    query: QueryText
    limit: HitLimit = 8
    datasets: DatasetNames = []
    filters: Filters = []
    session_id: SessionId = None
    purpose: Purpose = ""
    as_of: AsOf = ""


class GapRequest(BaseModel):
    """Which open findings to list; a parameter that is not listed here is refused."""

    model_config = ConfigDict(extra="forbid")

    dataset: DatasetName = None
    severity: SeverityName = None
    rule: RuleName = None
