"""The one service below the command line, HTTP and MCP: it decides, answers, dates and traces.

Every method takes the caller as a `Principal` and tells only what that caller may see; absent and forbidden look alike.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import index
from catalog.errors import IndexStoreError, LedgerError
from catalog.home import Home
from catalog.models import Principal, Project
from index.access import Filter
from index.answers import Answer, Query
from index.searching import discreet
from ledger import Ledger
from serving.datasets import summarize
from serving.freshness import source_reads
from serving.gaps import tell_gaps
from serving.limits import LONGEST_PURPOSE, asked, check_limits, is_name, storable
from serving.models import ContextAnswer, DatasetSummary, Gap, Record
from serving.records import read_record
from serving.replaying import snapshot_as_of
from serving.tracing import begin_turn
from serving.visibility import Absent, visible_datasets

if TYPE_CHECKING:
    from index.embed import Embedder
    from index.store import Serving


def utc_now() -> datetime:
    """The time now, aware and UTC."""
    return datetime.now(UTC)


def new_uuid() -> str:
    """A name nobody can guess."""
    return str(uuid.uuid4())


def open_context(
    project: Project,
    *,
    home: Home | None = None,
    embedder: Embedder | None = None,
    clock: Callable[[], datetime] = utc_now,
    new_id: Callable[[], str] = new_uuid,
) -> Context:
    """The service of a project. The embedder is loaded with the first question, unless one is given.

    LedgerError if the ledger does not open; an index that is not there yet is told when it is asked.
    """
    place = home or Home.of(project.folder)
    ledger = Ledger(place.ledger_url)
    return Context(project, home=place, ledger=ledger, embedder=embedder, clock=clock, new_id=new_id)


class Context:
    """Governed answers from one project's published index; safe to share between threads."""

    def __init__(
        self,
        project: Project,
        *,
        home: Home,
        ledger: Ledger,
        embedder: Embedder | None = None,
        clock: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = new_uuid,
    ) -> None:
        self.project, self.home, self.ledger = project, home, ledger
        self.clock, self.new_id = clock, new_id
        self.reader = index.Reader(index.Store(home.index))
        self._embedder = embedder
        self._embedders = index.Embedders(lambda named: index.load_embedder(project.model, home.models, named=named))

    def search(
        self,
        question: str,
        *,
        principal: Principal,
        channel: str,
        limit: int = 8,
        datasets: Sequence[str] = (),
        filters: Sequence[Filter] = (),
        session_id: str | None = None,
        purpose: str = "",
        as_of: str = "",
    ) -> ContextAnswer:
        """Cited hits, or the reason why there are none; traced either way. `as_of`: see `serving.replaying`.

        BadQuery outside the limits; Absent for a session or dataset that is not there for the caller; IndexStoreError
        where nothing is published; LedgerError where the turn cannot be traced: then nothing is answered.
        """
        continued = session_id if session_id is not None and self._owns(principal, session_id) else None
        turn = begin_turn(
            self.ledger,
            clock=self.clock,
            new_id=self.new_id,
            principal=principal,
            channel=channel,
            session_id=continued,
            question=question,
            purpose=purpose,
            visible=list(visible_datasets(principal, self.project)),
            asked=asked(limit, datasets, filters) | ({"as_of": storable(as_of[:LONGEST_PURPOSE])} if as_of else {}),
        )
        try:
            if session_id != continued:
                raise Absent("there is no such session of yours.", "Leave session_id out to start one.")
            check_limits(datasets, filters, purpose)
            query = Query(
                text=question,
                principal=principal,
                limit=limit,
                datasets=tuple(datasets),
                filters=tuple(filters),
                purpose=purpose,
            )
            answer = self._answer(query, as_of)
        except Exception as error:
            turn.failed(error)
            raise
        turn.answered(answer)
        return ContextAnswer(**dict(answer), session_id=turn.session_id, interaction_id=turn.id)

    def _answer(self, query: Query, as_of: str) -> Answer:
        for name in query.datasets:
            self._check_visible(query.principal, name)
        self._serving()  # before a model is loaded for nothing
        then = (
            snapshot_as_of(
                as_of, principal=query.principal, project=self.project, store=self.reader.store, ledger=self.ledger
            )
            if as_of
            else None
        )
        return index.search(
            query,
            store=then or self.reader,
            embedder=self._embedder or self._embedders,
            project=self.project,
            # of then nobody wrote down when each source had been read
            freshness={} if then else source_reads(self.ledger.states()),
            now=self.clock(),
        )

    def _owns(self, principal: Principal, session_id: str) -> bool:
        session = self.ledger.session(session_id) if is_name(session_id) else None
        return session is not None and session.ended_at is None and session.principal == principal.name

    def get_record(self, urn: str, *, principal: Principal) -> Record | None:
        """The document and the ready row called `urn`; None where there is none, or none for this caller."""
        serving = self._serving()
        if not is_name(urn):
            return None
        return read_record(
            urn,
            principal=principal,
            project=self.project,
            home=self.home.serving(int(serving.table.version)),
            store=serving,
            reads=source_reads(self.ledger.states()),
            now=self.clock(),
        )

    def list_datasets(self, principal: Principal) -> tuple[DatasetSummary, ...]:
        """The datasets of which the caller may see at least one field, by name."""
        accounts = {account.dataset: account for account in self.ledger.accounts()}
        findings, reads, now = self.ledger.findings(), source_reads(self.ledger.states()), self.clock()
        return tuple(
            summarize(one, principal=principal, account=accounts.get(name), findings=findings, reads=reads, now=now)
            for name, one in visible_datasets(principal, self.project).items()
        )

    def list_gaps(
        self,
        principal: Principal,
        *,
        dataset: str | None = None,
        severity: str | None = None,
        rule: str | None = None,
    ) -> tuple[Gap, ...]:
        """Open findings about datasets the caller may see. Absent for a dataset that is not there for them."""
        if dataset is not None:
            self._check_visible(principal, dataset)
        visible = visible_datasets(principal, self.project)
        found = self.ledger.open_findings(dataset=dataset, known=visible)
        told = tell_gaps(found, principal=principal, project=self.project, now=self.clock())
        return tuple(gap for gap in told if severity in (None, gap.severity) and rule in (None, gap.rule))

    def _check_visible(self, principal: Principal, name: str) -> None:
        visible = visible_datasets(principal, self.project)
        if name not in visible:
            raise Absent("there is no such dataset that you may see.", f"There are: {', '.join(visible) or 'none'}.")

    def embedder(self) -> Embedder:
        """The embedder that the published index was built with. IndexStoreError where nothing is published."""
        return self._embedder or self._embedders(index.published_model(self.reader))

    def warm(self) -> None:
        """Load what the first question would wait for. IndexStoreError where nothing is published."""
        self._serving()
        self.embedder().embed_queries(["warm"])

    def not_ready(self) -> str:
        """Why no question can be answered now; empty when one can."""
        try:
            self._serving()
            self.ledger.states()
        except IndexStoreError as error:
            return str(error)
        except LedgerError:
            return "the ledger does not answer."
        return ""

    def _serving(self) -> Serving:
        """The version that one answer rests on. IndexStoreError where nothing is published."""
        with discreet():
            serving = self.reader.serving()
        if serving is None:
            raise IndexStoreError("nothing is published yet", "Run the pipeline: landbridge run.")
        return serving
