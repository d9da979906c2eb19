"""Write what happened, and read what is true now: the newest word on each dataset, the whole trace of each visit.

Rows are only ever added. Every method is one transaction, so a reader never sees half of a turn or of a report.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, case, func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from catalog.errors import LedgerError
from ledger import entity_links, finding_states, holding, quarantining, readiness, sendings
from ledger.models import (
    Account,
    Approval,
    Asked,
    EntityDecision,
    Finding,
    FindingState,
    HeldChange,
    HeldOutcome,
    Interaction,
    Message,
    Outcome,
    QuarantineDecision,
    ReadinessScore,
    Session,
    Sighting,
    State,
    Step,
    Trace,
)
from ledger.opening import REMEDY, first_line, open_ledger
from ledger.tables import (
    ACCOUNTS,
    FINDINGS,
    INTERACTIONS,
    MESSAGES,
    RECORDINGS,
    SESSION_ENDS,
    SESSIONS,
    STATES,
    STEPS,
)


class Ledger:
    """The ledger behind a SQLAlchemy URL: made and migrated when opened, safe to share between threads."""

    def __init__(self, url: str) -> None:
        """LedgerError where the database does not answer or is of a later version."""
        self._engine = open_ledger(url)

    def close(self) -> None:
        """Give the connections back; a later call opens new ones."""
        self._engine.dispose()

    # -- findings

    def record_findings(self, run_id: str, dataset: str, stage: str, findings: Sequence[Finding], at: datetime) -> None:
        """What one look at a stage found. It replaces what the look before found; nothing found is a word, too."""
        with self._writing() as connection:
            recorded = insert(RECORDINGS).values(run_id=run_id, dataset=dataset, stage=stage, at=at)
            key: Any = connection.execute(recorded).inserted_primary_key
            rows = [_finding_row(finding) | {"recording_id": key.id} for finding in findings]
            if rows:
                connection.execute(insert(FINDINGS), rows)

    def findings(self, *, dataset: str | None = None, stage: str | None = None) -> list[Finding]:
        """The open findings: those of the newest look at each stage, by dataset, stage and rule."""
        newest = select(func.max(RECORDINGS.c.id)).group_by(RECORDINGS.c.dataset, RECORDINGS.c.stage)
        if dataset is not None:
            newest = newest.where(RECORDINGS.c.dataset == dataset)
        if stage is not None:
            newest = newest.where(RECORDINGS.c.stage == stage)
        wanted = select(FINDINGS).where(FINDINGS.c.recording_id.in_(newest))
        ordered = wanted.order_by(FINDINGS.c.dataset, FINDINGS.c.stage, FINDINGS.c.rule, FINDINGS.c.id)
        with self._reading() as connection:
            rows = connection.execute(ordered).mappings().all()
        return [Finding(**_only(row, Finding), sample_keys=tuple(row["sample_keys"])) for row in rows]

    def open_findings(self, *, dataset: str | None = None, known: Collection[str] | None = None) -> list[FindingState]:
        """The open findings with their states and ages, by dataset, stage and rule.

        Where `known` names the datasets of the project, those of others are left out: nobody looks at them any more.
        """
        with self._reading() as connection:
            found = finding_states.states(connection, dataset=dataset, known=known, resolved=False)
        return [one for one in found if one.is_open]

    def finding_history(
        self, *, dataset: str | None = None, known: Collection[str] | None = None
    ) -> list[FindingState]:
        """Every finding there ever was with its state now; of datasets outside `known` it is `withdrawn`."""
        with self._reading() as connection:
            return finding_states.states(connection, dataset=dataset, known=known)

    def finding_counts(self, finding_id: str) -> list[tuple[datetime, int]]:
        """The count of one finding at each look at its stage, from the first that told it; 0 where it was resolved."""
        with self._reading() as connection:
            return finding_states.counts(connection, finding_id)

    # -- alerts

    def record_alerts(
        self, channel: str, told: Sequence[FindingState], *, run_id: str, at: datetime, failure: str = ""
    ) -> None:
        """That findings were told to a channel, each in its present opening, or the reason why they were not."""
        with self._writing() as connection:
            sendings.record(connection, channel, told, run_id=run_id, at=at, failure=failure)

    def alerts_sent(self, channel: str) -> set[tuple[str, int]]:
        """The (finding id, opening) that a channel has been told."""
        with self._reading() as connection:
            return sendings.sent(connection, channel)

    # -- accounts

    def record_account(self, account: Account) -> None:
        """The accounting of a dataset. Saying again what was said last adds nothing."""
        row = account.model_dump() | {"missing_keys": list(account.missing_keys)}
        with self._writing() as connection:
            last = connection.execute(
                select(ACCOUNTS).where(ACCOUNTS.c.dataset == account.dataset).order_by(ACCOUNTS.c.id.desc()).limit(1)
            ).one_or_none()
            if last is None or _account(last._mapping).model_copy(update={"at": account.at}) != account:
                connection.execute(insert(ACCOUNTS).values(row))

    def accounts(self) -> list[Account]:
        """The newest account of each dataset, by name."""
        newest = select(func.max(ACCOUNTS.c.id)).group_by(ACCOUNTS.c.dataset)
        with self._reading() as connection:
            rows = connection.execute(
                select(ACCOUNTS).where(ACCOUNTS.c.id.in_(newest)).order_by(ACCOUNTS.c.dataset)
            ).mappings()
            return [_account(row) for row in rows]

    def account_history(self, *, last: int) -> dict[str, list[Account]]:
        """The `last` newest accounts of each dataset, the newest first."""
        number = func.row_number().over(partition_by=ACCOUNTS.c.dataset, order_by=ACCOUNTS.c.id.desc())
        numbered = select(ACCOUNTS.c.id, number.label("number")).subquery()
        wanted = select(ACCOUNTS).join(numbered, numbered.c.id == ACCOUNTS.c.id).where(numbered.c.number <= last)
        told: dict[str, list[Account]] = {}
        with self._reading() as connection:
            for row in connection.execute(wanted.order_by(ACCOUNTS.c.id.desc())).mappings():
                told.setdefault(row["dataset"], []).append(_account(row))
        return told

    # -- states

    def record_state(
        self, dataset: str, stage: str, *, checked_at: datetime, fingerprint: str, changed: bool, run_id: str
    ) -> None:
        """That a stage looked at its input, and whether it was other than before."""
        with self._writing() as connection:
            connection.execute(
                insert(STATES).values(
                    dataset=dataset, stage=stage, run_id=run_id, checked_at=checked_at, fingerprint=fingerprint,
                    changed=changed,
                )
            )  # fmt: skip

    def states(self) -> dict[tuple[str, str], State]:
        """The newest state by (dataset, stage)."""
        groups = (STATES.c.dataset, STATES.c.stage)
        newest = select(
            func.max(STATES.c.id).label("id"),
            func.max(case((STATES.c.changed, STATES.c.checked_at))).label("changed_at"),
        ).group_by(*groups).subquery()  # fmt: skip
        joined = select(STATES, newest.c.changed_at).join(newest, STATES.c.id == newest.c.id)
        with self._reading() as connection:
            rows = connection.execute(joined).mappings().all()
        return {(row["dataset"], row["stage"]): State(**_only(row, State)) for row in rows}

    # -- quarantine

    def record_quarantine(
        self, run_id: str, dataset: str, held: Collection[tuple[str, str]], at: datetime, *,
        outcome: Callable[[str, str], Outcome], whole: bool = True,
    ) -> None:  # fmt: skip
        """The rows that a check set aside, as (row id, rule). Only what is new or out since the check before is added.

        `outcome` tells why a row is out. Where the check did not see the dataset as a `whole`, no row is out.
        """
        with self._writing() as connection:
            quarantining.record(connection, run_id, dataset, frozenset(held), at, outcome=outcome, whole=whole)

    def sightings(self, dataset: str, *, resolved_since: datetime | None = None) -> list[Sighting]:
        """The rows in quarantine, oldest first, and, from a moment on, those that are out."""
        with self._reading() as connection:
            return quarantining.sightings(connection, dataset, resolved_since)

    def record_quarantine_decisions(self, decisions: Sequence[QuarantineDecision]) -> None:
        """What a person decided, all of it or nothing."""
        with self._writing() as connection:
            quarantining.decide(connection, decisions)

    def quarantine_decisions(self, dataset: str) -> list[QuarantineDecision]:
        """Every decision about rows of a dataset, in the order in which they were made."""
        with self._reading() as connection:
            return quarantining.decisions(connection, dataset)

    # -- readiness

    def record_readiness(self, scores: Sequence[ReadinessScore]) -> list[str]:
        """Keep the scores whose evidence is other than that of the newest one; the subjects of these."""
        with self._writing() as connection:
            return readiness.record(connection, scores)

    def readiness(self) -> list[ReadinessScore]:
        """The newest score of each dataset and use case."""
        with self._reading() as connection:
            return readiness.latest(connection)

    def readiness_history(self, subject: str | None = None, *, last: int = 100) -> list[ReadinessScore]:
        """How scores moved, oldest first; at most the `last` ones of each subject."""
        with self._reading() as connection:
            return readiness.history(connection, subject, last)

    # -- changes that wait for a person

    def record_held(self, change: HeldChange) -> HeldChange:
        """That a run held a change. Other content of the same kind that waited at this stage is replaced by it."""
        with self._writing() as connection:
            return holding.record(connection, change)

    def held(self, *, run_id: str | None = None, everything: bool = False) -> list[HeldChange]:
        """What waits now, oldest first, each once; or all that a run held, or `everything` that ever was."""
        with self._reading() as connection:
            return holding.held(connection, run_id=run_id, everything=everything)

    def approve(self, changes: Sequence[HeldChange], approval: Approval) -> None:
        """The word of a person about changes that wait, all of them or none."""
        with self._writing() as connection:
            holding.approve(connection, changes, approval)

    def approval(self, dataset: str, stage: str, fingerprint: str) -> Approval | None:
        """Who agreed to exactly this content, as long as it was not taken or replaced since."""
        with self._reading() as connection:
            return holding.approval(connection, dataset, stage, fingerprint)

    def end_held(self, dataset: str, stage: str, *, run_id: str, outcome: HeldOutcome, at: datetime) -> None:
        """That nothing waits at a stage of a dataset any more. Of what nobody approved, `taken` means replaced."""
        with self._writing() as connection:
            holding.end(connection, dataset, stage, run_id=run_id, outcome=outcome, at=at)

    # -- entities

    def record_entity_decisions(self, decisions: Sequence[EntityDecision]) -> None:
        """What a person said about pairs of records, all of it or nothing."""
        with self._writing() as connection:
            entity_links.decide(connection, decisions)

    def entity_decisions(self, entity: str) -> list[EntityDecision]:
        """Every decision about records of an entity, in the order in which they were made."""
        with self._reading() as connection:
            return entity_links.decisions(connection, entity)

    # -- visits

    def start_session(self, session: Session) -> None:
        """Begin a visit. Beginning the same one again does nothing."""
        if self.session(session.id) is not None:
            return
        row = session.model_dump(exclude={"ended_at", "end_type"})
        try:
            with self._writing() as connection:
                connection.execute(insert(SESSIONS).values(row))
        except LedgerError as error:
            if not isinstance(error.__cause__, IntegrityError):  # else another thread began it in between
                raise

    def end_session(self, session_id: str, at: datetime, end_type: str) -> None:
        """End a visit. KeyError for one that never began; ending it again does nothing."""
        session = self.session(session_id)
        if session is None:
            raise KeyError(session_id)
        if session.ended_at is None:
            with self._writing() as connection:
                connection.execute(insert(SESSION_ENDS).values(session_id=session_id, ended_at=at, end_type=end_type))

    def session(self, session_id: str) -> Session | None:
        """A visit by its id."""
        joined = (
            select(SESSIONS, SESSION_ENDS.c.ended_at, SESSION_ENDS.c.end_type)
            .join(SESSION_ENDS, SESSION_ENDS.c.session_id == SESSIONS.c.id, isouter=True)
            .where(SESSIONS.c.id == session_id)
        )
        with self._reading() as connection:
            row = connection.execute(joined).mappings().one_or_none()
        return None if row is None else Session(**row)

    def record_turn(
        self, interaction: Interaction, *, steps: Sequence[Step] = (), messages: Sequence[Message] = ()
    ) -> None:
        """A whole turn of a visit in one transaction, behind the turns that are there."""
        with self._writing() as connection:
            counted = select(func.count()).where(INTERACTIONS.c.session_id == interaction.session_id)
            position = connection.scalar(counted.select_from(INTERACTIONS))
            connection.execute(insert(INTERACTIONS).values(interaction.model_dump() | {"position": position}))
            for table, entries in ((STEPS, steps), (MESSAGES, messages)):
                if entries:
                    rows = [entry.model_dump() | {"position": number} for number, entry in enumerate(entries)]
                    connection.execute(insert(table), rows)

    def questions(self, *, since: datetime, most: int) -> list[Asked]:
        """What was asked since a moment and got an answer or the word that there is none, the newest `most` of it."""
        joined = (
            select(
                STEPS.c.input, STEPS.c.started_at, STEPS.c.attributes, INTERACTIONS.c.session_id, SESSIONS.c.principal
            )
            .join(INTERACTIONS, INTERACTIONS.c.id == STEPS.c.interaction_id)
            .outerjoin(SESSIONS, SESSIONS.c.id == INTERACTIONS.c.session_id)
            .where(STEPS.c.name == "retrieval", STEPS.c.type == "ACTION_STEP", STEPS.c.started_at >= since)
        )
        with self._reading() as connection:
            rows = connection.execute(joined.order_by(STEPS.c.started_at.desc()).limit(most)).all()
        return [
            Asked(question=row.input, session_id=row.session_id, at=row.started_at, known=row.attributes["known"],
                  datasets=tuple(row.attributes.get("datasets", ())), caller=row.principal or "")
            for row in rows
            if "known" in row.attributes  # what failed was not answered at all
        ]  # fmt: skip

    def last_interaction(self, session_id: str) -> Interaction | None:
        """The newest turn of a visit."""
        with self._reading() as connection:
            found = _rows(connection, INTERACTIONS, INTERACTIONS.c.session_id == session_id)
        return Interaction(**_only(found[-1], Interaction)) if found else None

    def trace(self, session_id: str) -> Trace | None:
        """A visit with everything in it; None if there is no such visit."""
        session = self.session(session_id)
        if session is None:
            return None
        with self._reading() as connection:
            turns = _rows(connection, INTERACTIONS, INTERACTIONS.c.session_id == session_id)
            order = {row["id"]: row["position"] for row in turns}
            steps = _rows(connection, STEPS, STEPS.c.interaction_id.in_(list(order)))
            messages = _rows(connection, MESSAGES, MESSAGES.c.session_id == session_id)
        steps.sort(key=lambda row: (order[row["interaction_id"]], row["position"]))
        messages.sort(key=lambda row: (order[row["interaction_id"]], row["position"]))
        return Trace(
            session=session,
            interactions=tuple(Interaction(**_only(row, Interaction)) for row in turns),
            steps=tuple(Step(**_only(row, Step)) for row in steps),
            messages=tuple(Message(**_only(row, Message)) for row in messages),
        )

    # -- connections

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A fault of the database as one line; the statement and its values are not repeated."""
        try:
            yield
        except SQLAlchemyError as error:
            shown = self._engine.url.render_as_string(hide_password=True)
            raise LedgerError(f"the ledger {shown} does not answer: {first_line(error)}", REMEDY) from error


def _finding_row(finding: Finding) -> dict[str, Any]:
    return finding.model_dump(mode="json") | {"finding_id": finding.id, "sample_keys": list(finding.sample_keys)}


def _account(row: Any) -> Account:
    return Account(**_only(row, Account) | {"missing_keys": tuple(row["missing_keys"])})


def _only(row: Any, model: type[Any]) -> dict[str, Any]:
    """The columns of a row that are fields of a model."""
    return {name: row[name] for name in model.model_fields if name in row and name != "sample_keys"}


def _rows(connection: Connection, table: Table, condition: Any) -> list[Any]:
    return list(connection.execute(select(table).where(condition).order_by(table.c.position)).mappings())
