"""Where a project keeps its state. Everything here can be rebuilt from the sources, except the ledger."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from catalog.index_place import ObjectPlace, object_place
from catalog.secrets import resolve
from catalog.settings import load_settings


@dataclass(frozen=True)
class Home:
    """The folder `LANDBRIDGE_HOME` (default `.landbridge/` in the project folder) and the places in it.

    With `beside`, what goes with published documents is that which lies in this folder.
    """

    folder: Path
    beside: Path | None = None

    @classmethod
    def of(cls, project_folder: Path) -> Home:
        """The home of a project: the environment's word first, then the default beside it."""
        named = os.environ.get("LANDBRIDGE_HOME")
        return cls(Path(named).expanduser().resolve() if named else (project_folder / ".landbridge").resolve())

    def at(self, version: int) -> Home:
        """The same home with what goes with one version of the index, as it was published with it."""
        return replace(self, beside=self.folder / "versions" / str(version))

    def serving(self, version: int) -> Home:
        """The same for an answer that rests on `version`; an old home may have nothing beside it but what is newest."""
        then = self.at(version)
        return then if then.publication.is_dir() else self

    @property
    def publication(self) -> Path:
        """The folder of what goes with published documents."""
        return self.beside or self.folder

    def raw(self, dataset: str) -> Path:
        """Rows as the source gave them, plus provenance (Parquet)."""
        return self.folder / "raw" / f"{dataset}.parquet"

    def rejects(self, dataset: str) -> Path:
        """Lines no row could be made of (Parquet)."""
        return self.folder / "raw" / f"{dataset}.rejects.parquet"

    def ready(self, dataset: str) -> Path:
        """Rows that passed the contract (Parquet)."""
        return self.folder / "ready" / f"{dataset}.parquet"

    def published(self, dataset: str) -> Path:
        """The ready rows behind the documents that are served now (Parquet); ready rows may be ahead of them."""
        return self.publication / "published" / f"{dataset}.parquet"

    def settled(self, dataset: str) -> Path:
        """How conflicts about the ready rows were settled: winner, losers and reason per key and field (Parquet)."""
        return self.folder / "settled" / f"{dataset}.parquet"

    def published_settled(self, dataset: str) -> Path:
        """The same for the rows that are published (Parquet)."""
        return self.publication / "published" / f"{dataset}.settled.parquet"

    def entity(self, name: str, part: Literal["links", "members", "golden"]) -> Path:
        """What is known of an entity: links between records, which record is whose, and the golden values (Parquet)."""
        return self.folder / "entities" / name / f"{part}.parquet"

    def quarantine(self, dataset: str) -> Path:
        """Rows that broke a row rule, with the rule (Parquet)."""
        return self.folder / "quarantine" / f"{dataset}.parquet"

    def manifest(self, stage: str, dataset: str) -> Path:
        """What a stage did last for a dataset: fingerprints, counts, times (JSON)."""
        return (self.publication if stage == "indexed" else self.folder) / stage / f"{dataset}.json"

    def chunks(self, dataset: str) -> Path:
        """The chunks the index must hold for a dataset: id, hash, rows (Parquet)."""
        return self.publication / "expected" / f"{dataset}.parquet"

    @property
    def gaps(self) -> Path:
        """What is known to be missing or contradictory, per dataset and key (Parquet)."""
        return self.folder / "gaps" / "known.parquet"

    def check_report(self, dataset: str) -> Path:
        """What the last check of a dataset found, as a page (HTML); the same as JSON stands beside it."""
        return self.folder / "reports" / "checks" / f"{dataset}.html"

    @property
    def gap_report(self) -> Path:
        """What the gap rules found last, as a page (HTML); the same as JSON stands beside it."""
        return self.folder / "reports" / "gaps.html"

    @property
    def readiness_report(self) -> Path:
        """How ready datasets and use cases are, as a page (HTML); the same as JSON stands beside it."""
        return self.folder / "reports" / "readiness.html"

    @property
    def index(self) -> Path | ObjectPlace:
        """The LanceDB database: what LANDBRIDGE_INDEX names, else a folder here."""
        settings = load_settings()
        place = object_place(settings, resolve=partial(resolve, folder=self.folder))
        if place is not None:
            return place
        return Path(settings.index).expanduser().resolve() if settings.index else self.folder / "index"

    @property
    def vectors(self) -> Path:
        """The vectors of texts that were embedded before (SQLite); only a cache."""
        return self.folder / "cache" / "vectors.db"

    @property
    def code_marks(self) -> Path:
        """What our sources do, by their content, so that no run parses them again; only a cache."""
        return self.folder / "cache" / "code.marks"

    @property
    def models(self) -> Path:
        """Exported embedding models."""
        return self.folder / "models"

    @property
    def mask_key(self) -> Path:
        """The secret that pseudonyms are keyed with; readable by its owner only."""
        return self.folder / "mask.key"

    def known_mask_key(self) -> bytes | None:
        """The key of the pseudonyms: LANDBRIDGE_MASK_KEY, else the file's content; None before the first run."""
        configured = load_settings().mask_key
        if configured is not None:
            return configured.get_secret_value().encode()
        return self.mask_key.read_bytes() if self.mask_key.exists() else None

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger: `LANDBRIDGE_LEDGER_URL`, else SQLite here."""
        return os.environ.get("LANDBRIDGE_LEDGER_URL") or f"sqlite:///{self.folder / 'ledger.db'}"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME: run history, schedules, sensors."""
        return self.folder / "dagster"
