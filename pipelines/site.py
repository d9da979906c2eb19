"""Everything a stage needs to know about where it works: the project, its home, its ledger, the clock."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from catalog import load_project
from catalog.fingerprint import MARKS
from catalog.home import Home
from catalog.models import Dataset, Project
from index.locking import FileLock, waiting_told
from ledger import Ledger

P = ParamSpec("P")
T = TypeVar("T")
LONGEST_WAIT = 6 * 3600.0  # seconds; a first run over a large estate holds a stage for hours


def utc_now() -> datetime:
    """The time now, aware and UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Site:
    """A project at work. `accept` names datasets whose drop or deletions a person has approved for this run.

    `accepted_by` is that person, empty where nobody told.
    """

    project: Project
    home: Home
    ledger: Ledger
    clock: Callable[[], datetime] = utc_now
    accept: frozenset[str] = field(default_factory=frozenset)
    accepted_by: str = ""

    @classmethod
    def open(
        cls, project: Project | Path | str, *, accept: frozenset[str] = frozenset(), accepted_by: str = ""
    ) -> Site:
        """Load the project if it is a folder, and open its ledger (creating the home where there is none)."""
        loaded = project if isinstance(project, Project) else load_project(project)
        home = Home.of(loaded.folder)
        home.folder.mkdir(parents=True, exist_ok=True)
        MARKS.keep_in(home.code_marks)
        return cls(loaded, home, Ledger(home.ledger_url), accept=accept, accepted_by=accepted_by)

    def dataset(self, name: str) -> Dataset:
        """The contract called `name`."""
        return self.project.datasets[name]

    def mask_key(self) -> bytes:
        """The secret that pseudonyms are keyed with: LANDBRIDGE_MASK_KEY, else one made once in the home, mode 0600."""
        known = self.home.known_mask_key()
        if known is not None:
            return known
        made, path = secrets.token_bytes(32), self.home.mask_key
        whole = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # never half a key
        handle = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(made)
        whole.replace(path)
        return made

    @contextmanager
    def alone(self, lock: str = "run.lock") -> Iterator[None]:
        """Wait until no other run works on this home, then hold it. The system drops the lock with the process.

        Whom it waits for is told in the log. IndexStoreError where the turn does not come in LONGEST_WAIT.
        """
        with FileLock(self.home.folder / lock).hold(run="", patience=LONGEST_WAIT, waiting=waiting_told()):
            yield


def one_at_a_time(stage: Callable[Concatenate[Site, P], T]) -> Callable[Concatenate[Site, P], T]:
    """A stage that waits for its turn: a nightly run and one by hand do not write the same files at once."""

    @wraps(stage)
    def waiting(site: Site, /, *given: P.args, **named: P.kwargs) -> T:
        with site.alone():
            return stage(site, *given, **named)

    return waiting
