"""What happened, as frozen values: findings, accounts, and the trace of an agent's visit.

Session, Interaction, Step and Message follow Salesforce's Session Tracing Data Model (STDM): a session holds
interactions (turns), a turn holds steps and messages.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["critical", "warning", "info"]
DecisionKind = Literal["fix", "release", "reject"]
Outcome = Literal["fix", "release", "reject", "cleared"]  # cleared: without a decision, by the source or by the rule
StepType = Literal["TOPIC_STEP", "ACTION_STEP", "LLM_STEP", "TRUST_GUARDRAILS_STEP", "SESSION_END"]


class Entry(BaseModel):
    """A frozen line of the ledger. Times are aware UTC datetimes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(Entry):
    """One observed gap or breach. `count` is in rows of `dataset`, unless `unit` says otherwise.

    `sample_keys` holds at most 20 keys, never personal values. `evidence` is JSON-ready: rows from each system, shares,
    expected against seen. `stage` is where it was seen: raw, ready, gaps, indexed.
    """

    rule: str
    dataset: str
    stage: Literal["raw", "ready", "gaps", "indexed"]
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
