"""Write each turn of a visit to the ledger: who asked what, what they were allowed, what was found.

Kept are the question, the URNs and titles of what was answered, and the decision; never a record's text, never a key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog.errors import LandbridgeError
from catalog.models import Principal
from index.answers import LONGEST, Answer
from ledger import Interaction, Ledger, Message, Session, Step
from serving.limits import LONGEST_PURPOSE, storable

JSON = "application/json"


@dataclass(frozen=True)
class Turn:
    """One question of a visit, from its start; `answered` or `failed` writes it, in one transaction."""

    ledger: Ledger
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    session_id: str
    id: str
    question: str
    access: Step
    interaction: Interaction
    asked: dict[str, Any]

    def answered(self, answer: Answer) -> None:
        """Write what was found, by name and title."""
        found = [{"urn": hit.urn, "title": hit.title} for hit in answer.hits]
        output = json.dumps(found if answer.known else {"reason": answer.reason}, ensure_ascii=False)
        more: dict[str, Any] = {
            "known": answer.known,
            "urns": [hit.urn for hit in answer.hits],
            "index_version": answer.index_version,
            "took_ms": answer.took_ms,
        }
        self._write(self._retrieval(output=output, **more), output)

    def failed(self, error: Exception) -> None:
        """Write that nothing was answered, and why."""
        # the text of a foreign error may hold anything, its type does not
        told = str(error) if isinstance(error, LandbridgeError) else type(error).__name__
        self._write(self._retrieval(error=told), json.dumps({"error": told}, ensure_ascii=False))

    def _retrieval(self, *, output: str = "", error: str = "", **more: Any) -> Step:
        return Step(
            id=self.new_id(),
            interaction_id=self.id,
            type="ACTION_STEP",
            name="retrieval",
            input=self.question,
            output=output,
            error=error,
            started_at=self.interaction.started_at,
            ended_at=self.clock(),
            previous_id=self.access.id,
            attributes=self.asked | more,
        )

    def _write(self, retrieval: Step, output: str) -> None:
        ended = retrieval.ended_at or self.interaction.started_at
        same: dict[str, Any] = {"session_id": self.session_id, "interaction_id": self.id}
        start = self.interaction.started_at
        messages = [
            Message(id=self.new_id(), type="Input", content=self.question, sent_at=start, **same),
            Message(id=self.new_id(), type="Output", content=output, content_type=JSON, sent_at=ended, **same),
        ]
        interaction = self.interaction.model_copy(update={"ended_at": ended})
        self.ledger.record_turn(interaction, steps=[self.access, retrieval], messages=messages)


def begin_turn(
    ledger: Ledger,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    principal: Principal,
    channel: str,
    session_id: str | None,
    question: str,
    purpose: str,
    visible: Sequence[str],
    asked: dict[str, Any],
) -> Turn:
    """Start a turn, and the visit with it unless `session_id` continues one. The access decision is its first step."""
    now = clock()
    session = session_id or new_id()
    previous = ledger.last_interaction(session) if session_id else None
    ledger.start_session(Session(id=session, channel=channel, principal=principal.name, started_at=now))
    turn_id = new_id()
    access = Step(
        id=new_id(),
        interaction_id=turn_id,
        type="TRUST_GUARDRAILS_STEP",
        name="access",
        input=principal.name,
        output=f"clearance {principal.clearance.name}; {len(visible)} datasets",
        started_at=now,
        ended_at=now,
        attributes={
            "principal": principal.name,
            "clearance": principal.clearance.name,
            "roles": list(principal.roles),
            "datasets": list(visible),
        },
    )
    interaction = Interaction(
        id=turn_id,
        session_id=session,
        topic=storable(purpose[:LONGEST_PURPOSE]),
        started_at=now,
        previous_id=previous.id if previous else None,
        attributes={"channel": channel},
    )
    # a question that is too long is refused, and kept as far as one may go
    return Turn(ledger, clock, new_id, session, turn_id, storable(question[:LONGEST]), access, interaction, asked)
