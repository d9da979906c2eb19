"""Answer a question from the published index: governed, cited, dated, or honestly not known.

Three legs look, each behind the caller's access rule: meaning (vectors), words (full text), and exact keys named in the
question. Ranks are fused; a passage that is neither near enough nor named by its key is no answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from catalog.errors import IndexStoreError
from catalog.models import Classification, Principal, Project
from index.access import compile_filters, may_see_row
from index.answers import Answer, Citation, Hit, Query
from index.embed import Embedder, Vectors
from index.probing import tuned_search
from index.schema import MODEL, READABLE
from index.store import Tables
from index.tuning import Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lancedb.expr import Expr
    from lancedb.table import LanceTable

EmbedderOf = Callable[[str], Embedder]  # from a model's name and revision

UNTOLD = "the index could not answer"  # what a caller hears of the store's own faults
FUSION = 60  # the constant of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)
POOL = 50  # candidates of each leg, at least
LONGEST_KEY = 4  # words
SHORT_CODE = 3  # letters; a word this short is a code only in capitals, else San Juan would ask about the airport SAN
PUNCTUATION = ".,;:!?\"'()[]{}<>*`\u2018\u2019\u201c\u201d"
POSSESSIVE = r"['\u2019]s$"
# longer words that could be somebody's code, too: they route only when written in capitals
ORDINARY = frozenset(
    """
    about after been could does from have here just know known like many more most much only other over some such tell
    than that their them then there they this what when where which while will with would your
    """.split()  # noqa: SIM905  # a list of forty quoted words would be harder to read
)


class _Candidate:
    """A row that one leg or more brought in."""

    def __init__(self, row: dict[str, Any], similarity: float) -> None:
        self.row, self.similarity = row, similarity
        self.score = 0.0
        self.legs: list[str] = []
        self.keys: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[float, ...]:
        """Best first when sorted: named by key, then by how much of its key is named, then by fused rank."""
        share = len(self.keys) / max(1, len(self.row["keys"]))
        return (-len(self.keys), -share if self.keys else 0.0, -self.score, -self.similarity)


def search(
    query: Query,
    *,
    store: Tables,
    embedder: Embedder | EmbedderOf,
    project: Project,
    freshness: Mapping[str, datetime] | None = None,
    now: datetime | None = None,
) -> Answer:
    """The answer of the published index. `freshness` tells when each dataset's source was read.

    `embedder` is the model of the index, or what gives the one that the version asked was built with. IndexStoreError
    where nothing is published or the index is of another model.
    """
    started = time.perf_counter()
    table, parameters, model = _published(store, embedder)
    vector = model.embed_queries([query.text])[0]
    named = _named_keys(query.text)
    with discreet():
        predicate = compile_filters(query.principal, query.filters, query.datasets)
        candidates = _candidates(table, parameters, query, vector, predicate, named)
    visible = [one for one in candidates if may_see_row(query.principal, one.row)]
    answering = [one for one in visible if one.keys or one.similarity >= project.min_similarity]
    best = _one_per_document(sorted(answering, key=lambda one: (*one.order, one.row["id"])))[: query.limit]
    moment = now or datetime.now(UTC)
    hits = tuple(_hit(n, one, query, project, freshness or {}, moment) for n, one in enumerate(best, start=1))
    return Answer(
        query=query.text,
        known=bool(hits),
        reason="" if hits else _not_known(query, visible, project),
        hits=hits,
        gaps=tuple(dict.fromkeys(gap for hit in hits for gap in hit.gaps)),
        index_version=int(table.version),
        took_ms=round((time.perf_counter() - started) * 1000, 1),
    )


def _published(store: Tables, embedder: Embedder | EmbedderOf) -> tuple[LanceTable, Parameters, Embedder]:
    """The one version that all legs of an answer look into, and the model it was built with."""
    with discreet():
        serving = store.serving()
    if serving is None:
        raise IndexStoreError("nothing is published yet", "Run the pipeline: landbridge run.")
    table = serving.table
    built = (table.schema.metadata or {}).get(MODEL, b"").decode()
    model: Embedder = embedder(built) if callable(embedder) else embedder
    if built != model.name:
        raise IndexStoreError(
            f"the index was built by the model {built}, the question was read by {model.name}",
            "Run the pipeline: it brings the index to the project's model; or set the model back in project.yaml.",
        )
    return table, serving.parameters, model


@contextmanager
def discreet() -> Iterator[None]:
    """The store's own messages list column names and paths; a caller is not told them."""
    try:
        yield
    except (RuntimeError, ValueError, OSError, pa.ArrowException) as error:
        raise IndexStoreError(UNTOLD, "The server's log has the cause.") from error


def _candidates(
    table: LanceTable, parameters: Parameters, query: Query, vector: Vectors, predicate: Expr, named: frozenset[str]
) -> list[_Candidate]:
    """The rows of all legs, each once, with fused score, similarity and the keys that the question names."""
    found: dict[str, _Candidate] = {}
    pool = max(POOL, query.limit * 5)
    for leg, rows in _legs(table, parameters, query.text, vector, predicate, named, pool):
        if leg == "key":
            rows = [row for row in rows if _matched(row, named)]
        for rank, row in enumerate(rows, start=1):
            one = found.setdefault(row["id"], _Candidate(row, float(np.dot(vector, row["vector"]))))
            one.keys = _matched(row, named)
            one.legs.append(leg)
            one.score += 1.0 / (FUSION + rank)
    told = _longest(query.text, {" ".join(_plain(key)) for one in found.values() for key in one.keys})
    for one in found.values():
        one.keys = _matched(one.row, told)
    return list(found.values())


def _legs(
    table: LanceTable,
    parameters: Parameters,
    text: str,
    vector: Vectors,
    predicate: Expr,
    named: frozenset[str],
    pool: int,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows each leg finds, best first. Every leg filters before it ranks: `prefilter=True`."""
    columns = [*READABLE, "vector"]
    meaning = tuned_search(table.search(vector, vector_column_name="vector"), parameters, limit=pool)
    yield "meaning", _rows(meaning.where(predicate, prefilter=True).select([*columns, "_distance"]))
    words = table.search(_match(text, "search_text"), query_type="fts").where(predicate, prefilter=True)
    yield "text", _rows(words.select([*columns, "_score"]).limit(pool))
    if named:
        codes = _match(" ".join(sorted({part for key in named for part in key.split()})), "keys_text")
        keyed = table.search(codes, query_type="fts").where(predicate, prefilter=True)
        yield "key", _rows(keyed.select([*columns, "_score"]).limit(pool))


def _match(text: str, column: str) -> Any:
    """Words to look for as an object: the text is never parsed, so nothing in it is an operator."""
    from lancedb.query import MatchQuery

    match: Any = MatchQuery  # its type hints ask for every option
    return match(text, column)


def _rows(query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = query.to_arrow().to_pylist()
    return rows


def _plain(text: str) -> list[str]:
    """Words without the punctuation around them; inside a code it stays."""
    words = (re.sub(POSSESSIVE, "", word.strip(PUNCTUATION)) for word in text.split())
    return [word for word in words if word]


def _named_keys(text: str) -> frozenset[str]:
    """What in the question could be a key, in capitals: words that are no ordinary ones, and short phrases."""
    words = _plain(text)
    single = {word.upper() for word in words if len(word) > 1 and (word.isupper() or not _is_ordinary(word))}
    phrases = {
        " ".join(words[start : start + size]).upper()
        for size in range(2, LONGEST_KEY + 1)
        for start in range(len(words) - size + 1)
    }
    return frozenset(single | phrases)


def _is_ordinary(word: str) -> bool:
    return word.casefold() in ORDINARY or (word.isalpha() and len(word) <= SHORT_CODE)


def _longest(text: str, keys: Collection[str]) -> frozenset[str]:
    """The keys that stand in the text for themselves, and not only inside a longer one."""
    words = [word.upper() for word in _plain(text)]
    free = [True] * len(words)
    kept: set[str] = set()
    for size in range(LONGEST_KEY, 0, -1):
        for start in range(len(words) - size + 1):
            key = " ".join(words[start : start + size])
            if key in keys and all(free[start : start + size]):
                kept.add(key)
                free[start : start + size] = [False] * size
    return frozenset(kept)


def _matched(row: dict[str, Any], named: frozenset[str]) -> tuple[str, ...]:
    """The row's keys that the question names."""
    return tuple(key for key in row["keys"] or () if " ".join(_plain(key)) in named)


def _one_per_document(ordered: Sequence[_Candidate]) -> list[_Candidate]:
    best: dict[str, _Candidate] = {}
    for one in ordered:
        best.setdefault(one.row["document_id"], one)
    return list(best.values())


def _hit(
    rank: int, one: _Candidate, query: Query, project: Project, freshness: Mapping[str, datetime], now: datetime
) -> Hit:
    row = one.row
    as_of = freshness.get(row["dataset"])
    age = (now - as_of).total_seconds() if as_of else None
    promise = project.datasets[row["dataset"]].freshness if row["dataset"] in project.datasets else None
    same = {name: row[name] for name in ("document_id", "dataset", "kind", "key", "title", "text", "breadcrumb")}
    return Hit(
        **same,
        rank=rank,
        score=round(one.score, 6),
        similarity=round(one.similarity, 4),
        urn=row["document_id"],
        citation=Citation(
            source=row["source"],
            dataset=row["dataset"],
            location=row["location"],
            key=row["key"],
            urn=row["document_id"],
        ),
        as_of=as_of,
        age_seconds=age,
        fresh=None if age is None or promise is None else age <= promise.total_seconds(),
        gaps=tuple(row["gaps"] or ()),
        why=_why(one),
        visible_because=visible_because(query.principal, row),
    )


def _why(one: _Candidate) -> str:
    told = [f"key match {', '.join(repr(key) for key in one.keys)}"] if one.keys else []
    found = [leg for leg in ("text", "meaning") if leg in one.legs]
    return "; ".join([*told, *([" and ".join(found)] if found else [])])


def visible_because(principal: Principal, row: dict[str, Any]) -> str:
    """Why the access rule lets `principal` see a row."""
    level = Classification(row["classification"])
    if level == Classification.public:
        return "it is public"
    cleared = f"{level.name} is within the clearance '{principal.clearance.name}' of {principal.name}"
    shared = [role for role in row["roles"] if role in principal.roles]
    return cleared + (f", who holds the role {shared[0]}" if shared else "")


def _not_known(query: Query, visible: Sequence[_Candidate], project: Project) -> str:
    """Why nothing answers, and what was searched."""
    within = f"the datasets {', '.join(query.datasets)}" if query.datasets else "all datasets"
    where = f"Searched {within}, as far as {query.principal.name} may see"
    if query.filters:
        where += ", within the filters given"
    if not visible:
        return f"Nothing in the index matches. {where}."
    nearest = max(one.similarity for one in visible)
    return (
        f"Nothing in the index is close enough: the nearest passage has a similarity of {nearest:.2f}, "
        f"{project.min_similarity:.2f} is needed. {where}."
    )
