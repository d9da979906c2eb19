"""Remember the vector of every text under its model and revision, so that no text is embedded twice.

A text that comes back (renamed, rolled back, told by another dataset, half-way when a run was killed) costs a look-up.
It is a cache: whatever is wrong with it, the answer is that the text is embedded anew. What no version of the index
holds any more is forgotten (`index.forgetting`).
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from index.embed import Embedder, Progress
from index.runtimes import Vectors

MAX_BYTES = 2 * 1024**3  # of vectors; about 1.3 million of the default model's
KEPT_SHARE = 0.9  # of that after an eviction, so that not each run evicts
PORTION = 500  # names in one statement, below SQLite's bound on parameters
LOOKED_AT = 10_000  # names that are looked at together when texts are forgotten
WINDOW = 1024  # texts between two commits: what a kill can cost
BUSY_SECONDS = 30
NORM_TOLERANCE = 1e-3

TABLES = """
CREATE TABLE IF NOT EXISTS vectors (
    model TEXT NOT NULL, text_hash TEXT NOT NULL, cut INTEGER NOT NULL, vector BLOB NOT NULL, seal BLOB NOT NULL,
    used INTEGER NOT NULL, PRIMARY KEY (model, text_hash)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_use ON vectors (used);
CREATE TABLE IF NOT EXISTS uses (number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS waits (
    model TEXT NOT NULL, text_hash TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (model, text_hash)
) WITHOUT ROWID;
"""

log = logging.getLogger(__name__)


class VectorCache:
    """One SQLite file; readers and a writer at the same time, and a kill leaves what was committed.

    `owner` names for whom vectors are made, a dataset: they wait for its next publication, and are kept until then.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, owner: str = "") -> None:
        self.path, self.max_bytes, self.owner = path, max_bytes, owner

    def get(self, model: str, dimension: int, hashes: Sequence[str]) -> dict[str, Vectors]:
        """The vectors known of these texts; what does not agree with its seal, its length or its norm is not known."""
        found: dict[str, Vectors] = {}
        with self._opened() as database:
            if database is None:
                return found
            for some in _portions(hashes):
                query = f"SELECT text_hash, cut, vector, seal FROM vectors WHERE {_named(some)}"  # noqa: S608 - marks only
                for text_hash, cut, vector, seal in database.execute(query, (model, *some)):
                    if seal == _seal(model, text_hash, cut, vector) and _is_sound(vector, dimension):
                        found[text_hash] = np.frombuffer(vector, dtype="<f4")
            self._touch(database, model, list(found))
        return found

    def put(self, model: str, hashes: Sequence[str], vectors: Vectors, cut: frozenset[str] = frozenset()) -> None:
        """Keep these vectors; `cut` names the texts that were longer than the model reads."""
        rows = []
        with self._opened() as database:
            if database is None:
                return
            use = _next_use(database)
            for text_hash, vector in zip(hashes, vectors, strict=True):  # a loop: each row is a statement of its own
                stored, flag = np.asarray(vector, dtype="<f4").tobytes(), int(text_hash in cut)
                rows.append((model, text_hash, flag, stored, _seal(model, text_hash, flag, stored), use))
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?, ?)", rows)
            waits = [(model, text_hash, self.owner) for text_hash in hashes]
            database.executemany("INSERT OR REPLACE INTO waits VALUES (?, ?, ?)", waits)

    def cut(self, model: str, hashes: Sequence[str]) -> frozenset[str]:
        """Which of these texts are known to be longer than the model reads."""
        with self._opened() as database:
            if database is None:
                return frozenset()
            return frozenset(
                text_hash
                for some in _portions(hashes)
                for (text_hash,) in database.execute(
                    f"SELECT text_hash FROM vectors WHERE cut AND {_named(some)}",  # noqa: S608 - marks only
                    (model, *some),
                )
            )

    def evict(self) -> int:
        """Forget what was used longest ago, if there is more than `max_bytes`; how many vectors that were."""
        with self._opened() as database:
            if database is None:
                return 0
            count, held = database.execute("SELECT count(*), coalesce(sum(length(vector)), 0) FROM vectors").fetchone()
            if held <= self.max_bytes:
                return 0
            gone = count - int(count * KEPT_SHARE * self.max_bytes / held)
            database.execute(
                "DELETE FROM vectors WHERE (model, text_hash) IN"
                " (SELECT model, text_hash FROM vectors ORDER BY used, model, text_hash LIMIT ?)",
                (gone,),
            )
        return int(gone)

    def waits(self) -> bool:
        """Whether vectors were made for this owner since it was published last."""
        with self._opened() as database:
            if database is None:
                return False
            return database.execute("SELECT 1 FROM waits WHERE owner = ? LIMIT 1", (self.owner,)).fetchone() is not None

    def forget(self, is_kept: Callable[[Sequence[str]], Sequence[bool]]) -> int:
        """Forget the vectors of texts that are not kept, but for those that wait for another owner; how many.

        Called once what this owner waited for is published. What is forgotten is overwritten in the file.
        """
        gone = 0
        with self._opened() as database:
            if database is None:
                return 0
            database.execute("PRAGMA secure_delete = ON")
            database.execute("DELETE FROM waits WHERE owner = ?", (self.owner,))
            last: tuple[str, str] = ("", "")
            while names := database.execute(
                "SELECT model, text_hash FROM vectors WHERE (model, text_hash) > (?, ?) ORDER BY model, text_hash"
                " LIMIT ?", (*last, LOOKED_AT),
            ).fetchall():  # fmt: skip
                last = names[-1]
                kept = is_kept([text_hash for _, text_hash in names])
                lost = [name for name, stays in zip(names, kept, strict=True) if not stays]
                gone += database.executemany(
                    "DELETE FROM vectors WHERE model = ?1 AND text_hash = ?2"
                    " AND NOT EXISTS (SELECT 1 FROM waits WHERE model = ?1 AND text_hash = ?2)", lost,
                ).rowcount if lost else 0  # fmt: skip
        if gone:
            self._emptied()
        return gone

    def _emptied(self) -> None:
        """Without the log of changes, where what was deleted would still be read."""
        with self._opened() as database:
            if database is not None:
                database.commit()
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _touch(self, database: sqlite3.Connection, model: str, hashes: Sequence[str]) -> None:
        """Say that these were used, by a count of uses: a clock may be set back."""
        if not hashes:
            return
        use = _next_use(database)
        for some in _portions(hashes):
            database.execute(f"UPDATE vectors SET used = ? WHERE {_named(some)}", (use, model, *some))  # noqa: S608 - marks only

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection | None]:
        """A connection inside one transaction; None where the file is no database, which is then set aside."""
        try:
            database = self._connect()
        except sqlite3.DatabaseError as error:
            log.warning("the cache of vectors is not used: %s: %s", self.path, error)
            self._set_aside(error)
            yield None
            return
        try:
            with database:
                yield database
        except sqlite3.DatabaseError as error:
            log.warning("the cache of vectors failed, texts are embedded anew: %s: %s", self.path, error)
            self._set_aside(error)
        finally:
            database.close()

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")  # a lost last commit costs an embedding, never a wrong one
            database.executescript(TABLES)
        except sqlite3.DatabaseError:
            database.close()
            raise
        return database

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Remove a broken file, so that the next run has a cache again; a busy or full one is left as it is."""
        if isinstance(error, sqlite3.OperationalError):
            return
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)


def embed_once(
    embedder: Embedder,
    hashes: Sequence[str],
    texts: Sequence[str],
    *,
    cache: VectorCache | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Vectors], int]:
    """Vectors by the hash of the text, and how many had to be embedded; each portion is kept before the next begins."""
    vectors = cache.get(embedder.name, embedder.dimension, hashes) if cache else {}
    known = len(vectors)
    new = [(text_hash, text) for text_hash, text in zip(hashes, texts, strict=True) if text_hash not in vectors]
    for start in range(0, len(new), WINDOW):
        names, told = zip(*new[start : start + WINDOW], strict=True)

        def heard(done: int, _: int, before: int = known + start) -> None:
            if progress:
                progress(before + done, len(hashes))

        made = embedder.embed(told, progress=heard)
        if cache:
            cache.put(embedder.name, names, made, frozenset(names[position] for position in embedder.cut))
        vectors.update(zip(names, made, strict=True))
    if cache and new:
        cache.evict()
    return vectors, len(new)


def _portions(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), PORTION):
        yield names[start : start + PORTION]


def _named(names: Sequence[str]) -> str:
    """The condition for one model and so many texts; only question marks come from the caller's side."""
    return f"model = ? AND text_hash IN ({', '.join('?' * len(names))})"


def _next_use(database: sqlite3.Connection) -> int:
    """A number that grows with each use."""
    if not database.execute("UPDATE uses SET number = number + 1").rowcount:
        database.execute("INSERT INTO uses VALUES (1)")
    return int(database.execute("SELECT max(number) FROM uses").fetchone()[0])


def _seal(model: str, text_hash: str, cut: int, vector: bytes) -> bytes:
    """What binds a vector to its text and model; any flipped bit breaks it."""
    told = f"{model}\n{text_hash}\n{cut}\n".encode()
    return hashlib.blake2b(told + vector, digest_size=8).digest()


def _is_sound(vector: bytes, dimension: int) -> bool:
    if len(vector) != 4 * dimension:
        return False
    return abs(float(np.linalg.norm(np.frombuffer(vector, dtype="<f4"))) - 1.0) < NORM_TOLERANCE
