"""What callers are told, as frozen values: the same shapes over HTTP, MCP and the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from catalog.models import Classification
from index.answers import Answer, Citation
from ledger.models import Severity


class Told(BaseModel):
    """A frozen value that leaves the house."""

    model_config = ConfigDict(frozen=True)


class ContextAnswer(Answer):
    """An answer, and the names under which the ledger keeps how it came about."""

    session_id: str  # give it with the next question to continue the visit
    interaction_id: str


class Passage(Told):
    """One piece of a document's text, under its heading."""

    breadcrumb: str = ""
    text: str


class GoldenValue(Told):
    """A value that an entity is known by, the record whose it is (a URN), and why that one was chosen."""

    value: Any
    source: str
    reason: Literal["only", "order", "most_complete", "newest", "no_change_date"]


class EntityRecord(Told):
    """The one thing that records of several systems speak of: its records (URNs) and the values it is known by.

    Only what the caller may see stands here; `withheld` names golden fields that data above the caller may feed.
    """

    id: str
    name: str
    title: str = ""
    members: tuple[str, ...] = ()
    golden: dict[str, GoldenValue] = {}
    withheld: tuple[str, ...] = ()


class Claim(Told):
    """What one system says."""

    source: str  # the dataset
    value: str


class Conflict(Told):
    """A field about which systems contradict each other: the value that wins, whose it is, why, and what loses.

    `value` is null and `winner` empty where the reason is `unsettled`. `withheld`: the caller may not see all of it,
    so that it is told in part, or only that there is a conflict.
    """

    field: str
    value: str | None = None
    winner: str = ""
    reason: str = ""  # system of record, reliability, recency or unsettled
    losers: tuple[Claim, ...] = ()
    more: int = 0  # further losing values that are not listed
    withheld: bool = False


class Record(Told):
    """One record by its URN: the document told of it, the ready row behind it, or both.

    `withheld` names fields of the row above the caller, so that withheld is not taken for absent.
    """

    urn: str
    dataset: str
    kind: str  # the document's template, or `row`
    key: str
    title: str = ""
    text: str = ""
    passages: tuple[Passage, ...] = ()
    values: dict[str, Any] = {}
    withheld: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    gaps: tuple[str, ...] = ()
    citation: Citation
    entity: EntityRecord | None = None  # what the record is part of, where the project declares it
    as_of: datetime | None = None  # when the source was read
    age_seconds: float | None = None
    fresh: bool | None = None  # None: no promise in the contract, or the time of reading is not known
    visible_because: str = ""


class FieldSummary(Told):
    """A field the caller may see."""

    name: str
    type: str
    title: str = ""
    description: str = ""
    classification: Literal["public", "internal", "confidential", "restricted"]
    key: bool = False
    personal: bool = False
    mask: str | None = None  # what is done to its values before anyone is shown them


class RowCounts(Told):
    """Where every row of the last run went: read = indexed + quarantined + filtered + duplicate + failed."""

    read: int
    indexed: int
    quarantined: int
    filtered: int
    duplicate: int
    failed: int


class DatasetSummary(Told):
    """A dataset as far as the caller may see it. `rows` is null before the first run."""

    name: str
    title: str
    description: str = ""
    domain: str = ""
    owner: str = ""
    source: str
    fields: tuple[FieldSummary, ...]
    withheld_fields: int = 0  # how many more the contract has
    rows: RowCounts | None = None
    documents: int = 0
    as_of: datetime | None = None
    age_seconds: float | None = None
    promised_seconds: float | None = None  # the oldest acceptable age; null without a promise
    fresh: bool | None = None
    open_findings: int = 0


class DatasetList(Told):
    """The datasets of which the caller may see at least one field."""

    datasets: tuple[DatasetSummary, ...] = ()


class Gap(Told):
    """An open finding: `new` where only the newest look told it, `reopened` where it was resolved before.

    `withheld`: the caller is not cleared for what it quotes, so it is told without details.
    """

    id: str
    rule: str
    kind: str  # one of the eleven kinds of gaps, or `contract`
    state: Literal["new", "open", "reopened"]
    first_seen: datetime
    age_seconds: float  # since it was opened, this time
    dataset: str
    stage: str
    severity: Severity
    count: int
    unit: str
    message: str
    sample_keys: tuple[str, ...] = ()
    evidence: dict[str, Any] = {}
    owner: str = ""
    remedy: str = ""
    blocking: bool = False
    withheld: bool = False


class GapList(Told):
    """Open findings, the gravest first."""

    gaps: tuple[Gap, ...] = ()


class Health(Told):
    """The state of the server: `up`, or `ready` to answer questions."""

    status: Literal["up", "ready"]


def level_name(level: Classification) -> Literal["public", "internal", "confidential", "restricted"]:
    """A classification by its name."""
    names: tuple[Literal["public", "internal", "confidential", "restricted"], ...]
    names = ("public", "internal", "confidential", "restricted")
    return names[int(level)]
