"""What happened, as frozen values: findings, accounts, and the trace of an agent's visit.

Session, Interaction, Step and Message follow Salesforce's Session Tracing Data Model (STDM): a session holds
interactions (turns), a turn holds steps and messages.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["critical", "warning", "info"]
EVERYWHERE = "*"  # the dataset of a finding that is about none in particular; no dataset can be called so
DecisionKind = Literal["fix", "release", "reject"]
Outcome = Literal["fix", "release", "reject", "cleared"]  # cleared: without a decision, by the source or by the rule
StateOfFinding = Literal["new", "open", "reopened", "resolved", "withdrawn"]
HeldKind = Literal["volume", "quarantine", "deletion", "drift"]
HeldOutcome = Literal["taken", "replaced", "gone"]  # gone: the source holds again what may be taken
StepType = Literal["TOPIC_STEP", "ACTION_STEP", "LLM_STEP", "TRUST_GUARDRAILS_STEP", "SESSION_END"]


class Entry(BaseModel):
    """A frozen line of the ledger. Times are aware UTC datetimes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(Entry):
    """One observed gap or breach. `count` is in rows of `dataset`, unless `unit` says otherwise.

    `sample_keys` holds at most 20 keys, never personal values. `evidence` is JSON-ready: rows from each system, shares,
    expected against seen. `stage` is where it was seen: raw, ready, gaps, indexed, or alerts, for those not delivered.
    """

    rule: str
    dataset: str
    stage: Literal["raw", "ready", "entities", "gaps", "indexed", "alerts"]
    severity: Severity
    count: int = Field(ge=0)
    unit: str = "rows"
    message: str
    sample_keys: tuple[str, ...] = ()
    evidence: dict[str, Any] = {}
    owner: str = ""
    remedy: str = ""
    blocking: bool = False

    @property
    def id(self) -> str:
        """The same gap keeps the same id over runs."""
        return hashlib.sha256(f"{self.dataset}\x1f{self.stage}\x1f{self.rule}".encode()).hexdigest()[:16]


class FindingState(Entry):
    """A finding as it was told last, and how it fares over the looks at its stage.

    `new`: only the newest look told it. `open`: the look before did, too. `reopened`: it is open, and was resolved at
    least once before; it stays so until it is resolved. `resolved`: the newest look did not tell it. `withdrawn`: its
    dataset is no longer declared, so nobody looks. `opening` is the number of the look that opened it last.
    """

    finding: Finding
    state: StateOfFinding
    first_seen: datetime
    last_seen: datetime
    opened_at: datetime
    resolved_at: datetime | None = None
    reopened: int = 0  # how often it came back
    opening: int

    @property
    def is_open(self) -> bool:
        """Whether somebody should look at it."""
        return self.state in ("new", "open", "reopened")

    def age(self, now: datetime) -> timedelta:
        """How long it has been open this time, or was until it was resolved; never below zero."""
        return max((self.resolved_at or now) - self.opened_at, timedelta())


class Account(Entry):
    """One dataset in one run, to the row: read = indexed + quarantined + filtered + duplicate + failed."""

    dataset: str
    run_id: str
    at: datetime
    read: int
    indexed: int
    quarantined: int
    filtered: int
    duplicate: int
    failed: int
    documents: int = 0
    embedded: int = 0
    index_version: int = 0
    missing_keys: tuple[str, ...] = ()  # keys that break the identity, at most 20

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for."""
        parts = self.indexed + self.quarantined + self.filtered + self.duplicate + self.failed
        return self.read == parts and not self.missing_keys


class State(Entry):
    """How far a stage of a dataset is: when it last looked, and when what it found last differed."""

    dataset: str
    stage: str
    run_id: str
    checked_at: datetime
    changed_at: datetime | None = None
    fingerprint: str


class QuarantineDecision(Entry):
    """What a named person decided about one row in quarantine.

    `row_id` and `taken` (the content of the row as it was read) are keyed hashes, and `key_mark` tells which key made
    them; `key`, `location` and `position` say where the row stood, as far as it may be told. A release names its
    `rule`, a fix its `field` and new `value`: text in the source's spelling, sealed where the field may not be told.
    """

    dataset: str
    row_id: str
    key: str = ""
    location: str = ""
    position: int | None = None
    kind: DecisionKind
    rule: str = ""
    field: str = ""
    value: str = ""
    sealed: bool = False
    taken: str
    key_mark: str
    by: str
    reason: str
    at: datetime


class Sighting(Entry):
    """One row in quarantine for one rule, from the check that first saw it to the one that no longer did.

    `last_seen` is the newest check that saw it; `resolved_at` and `outcome` are set once it is out.
    """

    dataset: str
    row_id: str
    rule: str
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None = None
    outcome: Outcome | None = None


class ReadinessScore(Entry):
    """The score of a dataset or a use case, from the moment its evidence first was what it is.

    `total` is 0 to 100. `known` is false where a dimension was not measured; it counts as 0 then. `dimensions` is JSON:
    `dimensions` with score, weight and measured parts, `blockers`, and the fingerprint of each of the `contracts`.
    """

    subject: str
    kind: Literal["dataset", "use case"]
    at: datetime
    run_id: str
    total: float
    known: bool
    dimensions: dict[str, Any]
    fingerprint: str


class Approval(Entry):
    """The word of a named person that one held change may be taken; `allow_empty`: also where nothing would be left."""

    by: str
    reason: str
    allow_empty: bool = False
    at: datetime


class HeldEnd(Entry):
    """How the waiting ended, and by which run: taken, replaced by other content, or gone at the source."""

    outcome: HeldOutcome
    run_id: str
    at: datetime


class HeldChange(Entry):
    """What a run did not take until a person agrees, with the numbers it would change.

    `fingerprint` names exactly what would be taken. `before` and `after` are in `unit`, `share` is the part that would
    go and `threshold` the part that may. `since` is when this content was first held, `at` when `run_id` held it.
    """

    id: int = 0  # given by the ledger
    run_id: str
    dataset: str
    stage: Literal["raw", "ready", "indexed"]
    rule: str
    kind: HeldKind
    fingerprint: str
    before: int
    after: int
    unit: str = "rows"
    share: float
    threshold: float
    message: str
    sample_keys: tuple[str, ...] = ()
    owner: str = ""
    at: datetime
    since: datetime
    approval: Approval | None = None
    end: HeldEnd | None = None

    @property
    def empties(self) -> bool:
        """Whether nothing would be left."""
        return self.kind != "drift" and self.after == 0

    @property
    def waits(self) -> bool:
        """Whether it still needs the word of a person."""
        return self.end is None and self.approval is None


class EntityDecision(Entry):
    """What a named person said about two records: the `same` thing, or two.

    `left_id` and `right_id` are keyed hashes of dataset and key, and `key_mark` tells which key made them; `left_key`
    and `right_key` are the keys as far as they may be told. The order of the two means nothing.
    """

    entity: str
    left_dataset: str
    left_id: str
    left_key: str = ""
    right_dataset: str
    right_id: str
    right_key: str = ""
    same: bool
    key_mark: str
    by: str
    reason: str
    at: datetime

    @property
    def records(self) -> tuple[str, str]:
        """The ids of both records, in an order that does not depend on who stands left."""
        return min(self.left_id, self.right_id), max(self.left_id, self.right_id)


class Session(Entry):
    """An agent's visit."""

    id: str
    channel: str  # http, mcp, a2a, cli
    principal: str
    started_at: datetime
    ended_at: datetime | None = None
    end_type: str | None = None


class Interaction(Entry):
    """One turn of a session."""

    id: str
    session_id: str
    type: Literal["TURN", "SESSION_END"] = "TURN"
    topic: str = ""
    started_at: datetime
    ended_at: datetime | None = None
    previous_id: str | None = None
    trace_id: str | None = None
    attributes: dict[str, Any] = {}


class Step(Entry):
    """One thing done inside a turn: a retrieval, a guardrail."""

    id: str
    interaction_id: str
    type: StepType
    name: str
    input: str = ""
    output: str = ""
    error: str = ""
    started_at: datetime
    ended_at: datetime | None = None
    previous_id: str | None = None
    attributes: dict[str, Any] = {}


class Asked(Entry):
    """One question of a visit, and whether anything was found. `question` may hold anything, personal data too."""

    question: str
    session_id: str
    at: datetime
    known: bool
    datasets: tuple[str, ...] = ()  # the asker looked in these only
    caller: str = ""  # the principal of the visit; empty where nobody told


class Message(Entry):
    """What went in or came out of a turn."""

    id: str
    session_id: str
    interaction_id: str
    type: Literal["Input", "Output"]
    content: str
    content_type: str = "text/plain"
    sent_at: datetime


class Trace(Entry):
    """A whole visit, everything in the order in which it happened."""

    session: Session
    interactions: tuple[Interaction, ...] = ()
    steps: tuple[Step, ...] = ()
    messages: tuple[Message, ...] = ()
