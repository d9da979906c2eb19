"""One read of a dataset's files: which of them are new, their rows in pieces, and what each file gave.

A small file is read to its end before its rows are handed over, so that a fault at its end leaves nothing of it behind.
A large one is handed over as it is read; where it then proves broken, the read begins anew without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import polars as pl
from polars.exceptions import PolarsError

from catalog.errors import FileRefused
from catalog.models import Dataset, Source
from connectors.batch import Batch, Since, no_rejects, rejected
from connectors.bounding import bounded
from connectors.faults import guarded
from connectors.files import is_personal, promised_columns
from connectors.filing.facts import Facts, facts_from, facts_of, kept_whole, table_of
from connectors.filing.finding import found_of
from connectors.filing.flattening import exploded, flattened
from connectors.filing.remembering import Entry, asked, cursor_of, entries_of
from connectors.filing.telling import broken_findings, noticed_findings, unreadable
from connectors.filing.unifying import fitted, unified
from connectors.formats.tables import Noticed, Table
from connectors.places import Delivery
from connectors.places.again import Plan, plan, reading_order
from connectors.places.delivering import FoundFile
from connectors.shapes import key_columns
from ledger.models import Finding

HELD_BACK = 4  # times batch_bytes of a file's rows that wait for its end
KEYED_BY_PATH = ("document", "markdown")  # two files of one content are two documents
OPEN = ("json", "markdown", "ndjson", "xml")  # a record that lacks what is promised is one without it


class BrokenLate(Exception):
    """A file proved broken after rows of it were handed over."""


class Reading:
    """It lives as long as one read. `entries` holds what is known of each file so far."""

    def __init__(self, source: Source, dataset: Dataset, folder: Path, since: Since | None) -> None:
        self.source, self.dataset = source, dataset
        self.personal = is_personal(dataset)
        self.found = found_of(source, dataset, folder)
        self.since = since if since is not None and since.cursor.get("asked") == asked(source, dataset) else None
        self.entries: dict[str, Entry] = {}
        self.late: dict[str, FileRefused] = {}

    def batches(self) -> Iterator[Batch]:
        """See `Filed.read`. The last batch has the cursor and the findings."""
        begun = False
        while True:
            anew = begun
            try:
                for batch in self._once():
                    yield replace(batch, anew=anew)
                    begun, anew = True, False
            except BrokenLate:
                continue
            return

    def _once(self) -> Iterator[Batch]:
        """One pass over the files."""
        self.entries = {}
        held = entries_of(self.since.cursor) if self.since is not None else []
        shas = self._fingerprints(held)
        names = sorted([*self.found.unready, *(one.name for one in self.found.ready)], key=reading_order)
        told = plan(
            [(name, shas.get(name, "")) for name in names],
            self.since.cursor if self.since is not None else None,
            append=self.dataset.files == "append",
            named=self.source.kind in KEYED_BY_PATH,
        )
        versions = {one.name: version_of(one) for one in self.found.ready}
        for one in held:
            if one.name in told.kept:
                name = told.kept[one.name]
                refused = self.entries[name].refused if name in self.entries else one.refused
                version = versions.get(name, "")
                stays = refused is not None and one.rows > 0
                self.entries[name] = replace(one, name=name, refused=refused, held=stays, version=version)
        wanted = set(told.read)
        new = [one for one in self.found.ready if one.name in wanted]
        schema = self._schema(new, shas, held)
        if schema is None:
            self.since = None
            yield from self._once()
            return
        kept = dict(told.kept) if self.since is not None else None
        last = Batch(_nothing(schema), whole=kept is None)
        for batch in self._told(new, shas, schema, held, told):
            if last.frame.height or last.rejects.height:
                yield last
            last = replace(batch, whole=kept is None)
        self._refuse_nothing(readable=any(one.refused is None for one in self.entries.values()))
        if kept is not None:
            kept |= {entry.name: entry.name for entry in self.entries.values() if entry.held}
        twice = [(name, Noticed(
            "file-delivered-twice", "A file has the content of another one, and was not read again", "info",
            unit="files", remedy="Nothing, if it is a copy.")) for name, _ in told.twice]  # fmt: skip
        yield self._ended(last, kept, told.order, twice)

    def _told(
        self, new: Sequence[Delivery], shas: dict[str, str], schema: pl.Schema, held: Sequence[Entry], told: Plan
    ) -> Iterator[Batch]:
        """The rows of the files that are read, and a reject for each that cannot be."""
        for one in new:
            yield from self._file(one, shas[one.name], schema, held)
        for name in told.order:
            if name not in shas and name not in told.kept.values() and name in self.entries:
                yield self._broken(name, schema)

    def _fingerprints(self, held: Sequence[Entry]) -> dict[str, str]:
        """The content of every file that can be opened; the others are entries that were refused.

        One that its place vouches for as the same is not fetched for it.
        """
        told = {}
        known = {(one.name, one.version): one.sha256 for one in held if one.version}
        for one in self.found.ready:
            try:
                told[one.name] = known.get((one.name, version_of(one))) or one.fingerprint()
            except FileRefused as error:
                self.entries[one.name] = Entry(one.name, "", rejects=1, refused=error)
        return told

    def _schema(self, new: Sequence[Delivery], shas: dict[str, str], held: Sequence[Entry]) -> pl.Schema | None:
        """The columns of the read; None where files are new whose columns the held rows do not have."""
        told: dict[str, Facts] = {}
        for one in new:
            try:
                told[one.name] = self._fact(one)
            except FileRefused as error:
                self._refuse(one, shas[one.name], error, held)
        self._refuse_keyless(new, told, shas, held)
        if self.since is None:
            self._refuse_nothing(readable=bool(told))
            return unified(self.source, self.dataset, [*(facts.schema for facts in told.values()), self._open()])
        held_rows = pl.read_parquet_schema(self.since.rows)
        there = pl.Schema({name: dtype for name, dtype in held_rows.items() if name not in ("_location", "_position")})
        came = {name: dtype for facts in told.values() for name, dtype in facts.schema.items()}
        if self.dataset.drift == "discard":  # what nobody described is left out
            came = {name: dtype for name, dtype in came.items() if name in promised_columns(self.dataset)}
        fits = all(there.get(name) == dtype for name, dtype in came.items())
        return there if fits else None

    def _open(self) -> pl.Schema:
        """The promised columns, where a format names its columns record by record."""
        names = promised_columns(self.dataset) if self.source.kind in OPEN else []
        return pl.Schema(dict.fromkeys(names, pl.Null()))

    def _fact(self, one: Delivery) -> Facts:
        if one.name in self.late:
            raise self.late[one.name]
        return facts_of(one, self.source, self.dataset)

    def _refuse_keyless(
        self, new: Sequence[Delivery], told: dict[str, Facts], shas: dict[str, str], held: Sequence[Entry]
    ) -> None:
        """A file without the columns of the key has no rows of this dataset, where others have them."""
        keys = set(key_columns(self.dataset))
        whole = [name for name, facts in told.items() if keys <= set(facts.schema)]
        if not keys or not (whole or any(one.rows for one in held)):
            return
        for one in new:
            lacking = sorted(keys - set(told[one.name].schema)) if one.name in told else []
            if lacking:
                names = ", ".join(f"'{name}'" for name in lacking)
                self._refuse(one, shas[one.name], FileRefused(f"it has no column {names}, which is the key", ""), held)
                del told[one.name]

    def _refuse_nothing(self, *, readable: bool) -> None:
        """Raise SourceUnreadable where not one file can be read."""
        refused = [(one.name, one.refused) for one in self.entries.values() if one.refused is not None]
        if refused and not readable:
            raise unreadable(*refused[0], self.source, self.dataset, len(refused))

    def _file(self, one: Delivery, sha: str, schema: pl.Schema, held: Sequence[Entry]) -> Iterator[Batch]:
        """The batches of one file, or one that says it is broken."""
        if one.name in self.entries and self.entries[one.name].refused is not None:
            yield self._broken(one.name, schema)
            return
        entry = Entry(one.name, sha, version=version_of(one))
        waiting: list[Batch] | None = []
        size = 0
        try:
            with one.fetched() as file, guarded():
                table = table_of(one, sha, file, self.source, self.dataset)
                entry.facts = facts_from(table, self.source, self.dataset)
                entry.noticed += table.noticed
                for batch in self._pieces(table, one, schema, entry):
                    size += int(batch.frame.estimated_size())
                    if waiting is None:
                        yield batch
                        continue
                    waiting.append(batch)
                    if size > HELD_BACK * self.source.batch_bytes:
                        yield from waiting
                        waiting = None
        except FileRefused as error:
            if waiting is None:
                self.late[one.name] = error
                raise BrokenLate from None
            self._refuse(one, sha, error, held)
            yield self._broken(one.name, schema)
            return
        self.entries[one.name] = entry
        yield from waiting or ()

    def _pieces(self, table: Table, one: Delivery, schema: pl.Schema, entry: Entry) -> Iterator[Batch]:
        """The table's rows as flat columns with their provenance."""
        place = one.name
        whole, lists = kept_whole(table, self.source, self.dataset)
        path = str(self.source.options.get("rows", ""))
        for piece in table.pieces():
            flat = flattened(exploded(piece.frame, path), whole=whole, lists=lists)
            try:
                told = fitted(flat, pl.Schema({**schema, "_position": pl.Int64()}))
            except PolarsError as error:
                raise FileRefused(f"a value of it does not fit the other files' types ({type(error).__name__})",
                                  "Ask for exports of one layout.") from None  # fmt: skip
            if self.source.kind in KEYED_BY_PATH and "path" in told.columns:
                told = told.with_columns(pl.lit(_below(one), pl.String).alias("path"))
            rejects = rejected([(place, *reject) for reject in piece.rejects], personal=self.personal)
            entry.rows += told.height
            entry.rejects += rejects.height
            entry.noticed += piece.noticed
            for part in bounded(told, self.source):
                yield Batch(_placed(part, place), rejects)
                rejects = no_rejects()

    def _refuse(self, one: Delivery, sha: str, error: FileRefused, held: Sequence[Entry]) -> None:
        """The file gives no rows; those that it gave at an earlier read stay."""
        before = next((entry for entry in held if entry.name == one.name and entry.rows), None)
        if before is None:
            self.entries[one.name] = Entry(one.name, sha, rejects=1, refused=error)
        else:
            self.entries[one.name] = replace(before, sha256=sha, rejects=before.rejects, refused=error, held=True)

    def _broken(self, name: str, schema: pl.Schema) -> Batch:
        """A reject for a file that none of its lines can be told of."""
        entry = self.entries[name]
        assert entry.refused is not None  # noqa: S101 - it is told of refused files only
        rows = [] if entry.held else [(name, 0, entry.refused.what, "")]
        return Batch(_nothing(schema), rejected(rows, personal=True))

    def _ended(
        self, last: Batch, kept: dict[str, str] | None, order: Sequence[str], twice: list[tuple[str, Noticed]]
    ) -> Batch:
        """The last batch, with the cursor and the findings."""
        entries = [self.entries[name] for name in order if name in self.entries]
        refused = {one.name: (one.refused.what, one.refused.remedy, one.held) for one in entries if one.refused}
        noticed = [(one.name, told) for one in entries for told in one.noticed]
        noticed += twice + [("", told) for told in self.found.noticed]
        findings: tuple[Finding, ...] = (
            *broken_findings(refused, self.source, self.dataset),
            *noticed_findings(noticed, self.source, self.dataset),
        )
        cursor = cursor_of(entries, self.source, self.dataset)
        return replace(last, kept=kept, cursor=cursor, findings=findings)


def _placed(frame: pl.DataFrame, place: str) -> pl.DataFrame:
    """The frame with its provenance behind its own columns."""
    names = [name for name in frame.columns if name != "_position"]
    return frame.select(*names, pl.lit(place, pl.String).alias("_location"), "_position")


def _nothing(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema={**schema, "_location": pl.String(), "_position": pl.Int64()})


def version_of(one: Delivery) -> str:
    """A text that changes whenever the content does, as the file's place vouches for it; empty where none does."""
    return one.version if isinstance(one, FoundFile) else ""


def _below(one: Delivery) -> str:
    """The file's path below its place: what a document is called by."""
    if not isinstance(one, FoundFile):
        return one.name
    path = one.lying.entry.path or PurePosixPath(one.lying.name).name
    return path + one.name.removeprefix(one.lying.name)
