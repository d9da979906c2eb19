"""A question and its answer as frozen values: what may be asked, and all that an answer tells of itself."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, field_validator

from catalog.errors import BadQuery
from catalog.models import Principal
from index.access import Filter

LONGEST = 2_000  # characters of a question
MOST = 50  # hits of an answer


class Query(BaseModel):
    """A question, who asks it, and within what. Limits outside the allowed raise BadQuery."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    principal: Principal
    limit: int = 8
    datasets: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    purpose: str = ""

    @field_validator("text")
    @classmethod
    def _sized(cls, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:  # lone surrogates: bytes of another encoding, or half of a pair
            raise BadQuery("the question is not valid UTF-8", "Send it as UTF-8 text.") from None
        text = text.replace("\x00", " ").strip()  # no NUL reaches the tokenizer; everything else is text
        if not text:
            raise BadQuery("the question is empty", "Ask in 1 to 2,000 characters.")
        if len(text) > LONGEST:
            raise BadQuery(f"the question has {len(text):,} characters", "Ask in 1 to 2,000 characters.")
        return text

    @field_validator("limit")
    @classmethod
    def _bounded(cls, limit: int) -> int:
        if not 1 <= limit <= MOST:
            raise BadQuery(f"the limit {limit} is out of range", f"Use 1 to {MOST}.")
        return limit


class Citation(BaseModel):
    """Where a passage comes from."""

    model_config = ConfigDict(frozen=True)

    source: str
    dataset: str
    location: str
    key: str
    urn: str


class Hit(BaseModel):
    """One document that answers, told by its best passage."""

    model_config = ConfigDict(frozen=True)

    rank: int
    score: float  # fused, only comparable within one answer
    similarity: float  # cosine of question and passage
    document_id: str
    urn: str
    dataset: str
    kind: str
    key: str
    title: str
    text: str
    breadcrumb: str = ""
    citation: Citation
    as_of: datetime | None = None  # when the source was read
    age_seconds: float | None = None
    fresh: bool | None = None  # None: no promise in the contract, or the time of reading is not known
    gaps: tuple[str, ...] = ()
    why: str
    visible_because: str


class Answer(BaseModel):
    """Hits, or why there are none."""

    model_config = ConfigDict(frozen=True)

    query: str
    known: bool
    reason: str = ""
    hits: tuple[Hit, ...] = ()
    gaps: tuple[str, ...] = ()  # of all hits, each once
    index_version: int
    took_ms: float
