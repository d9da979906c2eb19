"""Ask the published index questions whose answer is known, and keep what came of it until something changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from catalog.errors import LandbridgeError
from catalog.fingerprint import code_fingerprint
from catalog.models import Classification, Dataset, Principal, UseCase
from expectations.disclosure import HIDDEN, tellable
from expectations.readiness import Answered, Asked, Probe
from expectations.readiness.questions import known_items
from pipelines.progress import tell
from pipelines.question_vectors import KeptVectors
from pipelines.site import Site
from pipelines.store import fingerprint, read_json, write_json

if TYPE_CHECKING:
    from index import Embedder, Reader

SAMPLE = 50  # documents of a dataset that are asked about
DEPTH = 5  # hits of an answer that are looked at
STAGE = "readiness"


class Prober:
    """Asks the index of one site; the index and the model are opened when there is something to ask."""

    def __init__(self, site: Site, embedder: Callable[[], Embedder] | None = None) -> None:
        self.site = site
        self._load = embedder
        self._left_out = False

    def probe(self, dataset: Dataset) -> Probe:
        """Known-item questions about a sample of the dataset's documents, or why nobody could ask them."""
        kept = self._kept(dataset.name, dataset.fingerprint, lambda: self._ask_dataset(dataset))
        asked = tuple(Asked(**one) for one in kept.get("asked", ()))
        return Probe(asked, kept.get("model", ""), kept.get("unknown", ""))

    def answered(self, case: UseCase) -> Answered:
        """The questions of a use case, asked in its datasets."""
        contracts = fingerprint(*(self.site.dataset(name).fingerprint for name in case.datasets))
        kept = self._kept(case.name, contracts + case.model_dump_json(), lambda: self._ask_case(case))
        return Answered(tuple(kept.get("ranks", ())), kept.get("unknown", ""))

    def _kept(self, subject: str, about: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What was answered last, while index, contract, model and code are the same; what failed is asked again."""
        path = self.site.home.manifest(STAGE, subject)
        memo = fingerprint(self._version, about, self._basis)
        last = read_json(path)
        if last.get("memo") == memo:
            self._left_out = True
            return last
        if self._version is None:
            return {"unknown": "nothing is published"}
        try:
            told = ask()
        except LandbridgeError as error:
            self._left_out = True
            return {"unknown": str(error).rstrip(".")}
        write_json({"memo": memo, **told}, path)
        return told

    @cached_property
    def _version(self) -> int | None:
        import index

        return index.Store(self.site.home.index).tag("live")

    @cached_property
    def _basis(self) -> str:
        project = self.site.project
        code = code_fingerprint("catalog", "expectations", "index", "pipelines")
        return fingerprint(project.name, project.model, project.min_similarity, code)

    @cached_property
    def _reader(self) -> Reader:
        import index

        return index.Reader(index.Store(self.site.home.index))

    @cached_property
    def _embedder(self) -> KeptVectors:
        import index
        from index.schema import MODEL

        project, models = self.site.project, self.site.home.models
        load = self._load or (lambda: index.load_embedder(project.model, models))
        table = index.Store(self.site.home.index).published()
        told = (table.schema.metadata or {}) if table is not None else {}
        return KeptVectors(self.site, load, indexed_by=told.get(MODEL, b"").decode())

    def keep_vectors(self) -> None:
        """Keep what was embedded, if anything was asked; a later run embeds only questions that are new."""
        if "_embedder" in vars(self):
            self._embedder.keep(whole=not self._left_out)

    @property
    def _everything(self) -> Principal:
        """Somebody who may see all that is published; nothing that is seen leaves this module but places in answers."""
        roles = {role for dataset in self.site.project.datasets.values() for role in dataset.roles}
        return Principal(name="readiness", clearance=Classification.restricted, roles=tuple(sorted(roles)))

    def _ask_dataset(self, dataset: Dataset) -> dict[str, Any]:
        import index

        items = known_items(index.sample_documents(self._reader, dataset.name, limit=SAMPLE))
        named = all(tellable(dataset, template.by or dataset.key) for template in dataset.documents)
        self._embedder.embed_queries([item.text for item in items])  # all at once; the searches find them kept
        asked = []
        for done, item in enumerate(items):  # a loop over at most some hundred questions: each is a search
            tell(STAGE, dataset.name, done, len(items))
            names = [hit.document_id for hit in self._hits(item.text)]
            rank = names.index(item.document_id) + 1 if item.document_id in names else None
            urn = item.document_id if named else HIDDEN
            asked.append({"urn": urn, "form": item.form, "rank": rank})
        tell(STAGE, dataset.name, len(items), len(items))
        return {"asked": asked, "model": self._embedder.name}

    def _ask_case(self, case: UseCase) -> dict[str, Any]:
        self._embedder.embed_queries([question.ask for question in case.questions])
        ranks = []
        for question in case.questions:
            hits = self._hits(question.ask, case.datasets)
            names = [hit.document_id if ":" in question.expect else hit.dataset for hit in hits]
            ranks.append(names.index(question.expect) + 1 if question.expect in names else None)
        return {"ranks": ranks}

    def _hits(self, text: str, datasets: Sequence[str] = ()) -> Sequence[Any]:
        import index

        query = index.Query(text=text, principal=self._everything, limit=DEPTH, datasets=tuple(datasets))
        return index.search(query, store=self._reader, embedder=self._embedder, project=self.site.project).hits
