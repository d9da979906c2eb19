"""Connectors of other distributions: found by entry point, loaded when asked, and held to what a connector promises.

A plug-in's fault is one line that names its distribution, at its own source and nowhere else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from catalog.errors import LandbridgeError, Refusal, SourceError, SourceUnreachable, SourceUnreadable
from catalog.models import SOURCE_KINDS, Dataset, Source
from catalog.plugins import code_of, offered, owner_of
from catalog.sources import CONNECTORS
from connectors.batch import Batch
from connectors.faults import is_fault, place_of
from connectors.marking import mark_of

NEEDED = ("read", "columns")
PROVENANCE = {"_location": pl.String(), "_position": pl.Int64()}
SHOWN = 200  # characters of an import's error that are told
OURS = "landbridge"
END: Any = object()  # of a read; None would be a fault that a plug-in makes

T = TypeVar("T")


class Plugged:
    """The connector that a kind names, in the shape of a Connector; nothing is imported before it is asked."""

    def __init__(self, kind: str, entries: tuple[EntryPoint, ...]) -> None:
        self.kind, self.entries = kind, entries

    @property
    def INCREMENTAL(self) -> bool:  # noqa: N802 - the name that connectors have it under
        """Whether it can tell what changed; no where it does not load, which the read then tells."""
        try:
            return bool(getattr(load(self.kind, self.entries), "INCREMENTAL", False))
        except Refusal:
            return False

    def read(self, source: Source, dataset: Dataset, *, folder: Path, **known: Any) -> Iterator[Batch]:
        """See `Connector.read`. Raises SourceUnreadable for whatever the plug-in raises, or gives that is no batch."""
        connector = self._loaded(source, dataset)
        batches = self._asked(source, dataset, lambda: iter(connector.read(source, dataset, folder=folder, **known)))
        schema = None
        try:
            while (batch := self._asked(source, dataset, lambda: next(batches, END))) is not END:
                wrong = fault_of(batch, schema)
                if wrong:
                    raise self._refusal(source, dataset, wrong)
                schema = batch.frame.schema
                yield batch
        finally:
            if hasattr(batches, "close"):
                self._asked(source, dataset, batches.close)

    def columns(self, source: Source, dataset: Dataset, *, folder: Path) -> dict[str, str]:
        """See `Connector.columns`."""
        connector = self._loaded(source, dataset)
        told = self._asked(source, dataset, lambda: connector.columns(source, dataset, folder=folder))
        if not isinstance(told, Mapping) or not all(isinstance(text, str) for pair in told.items() for text in pair):
            raise self._refusal(source, dataset, "tells no names and types where columns are asked for")
        return dict(told)

    def files_of(self, source: Source, dataset: Dataset, *, folder: Path) -> list[Path]:
        """See `FileConnector.files_of`; none where the plug-in reads no files."""
        connector = self._loaded(source, dataset)
        if not hasattr(connector, "files_of"):
            return []
        return self._asked(source, dataset, lambda: list(connector.files_of(source, dataset, folder=folder)))

    def mark(self, source: Source, dataset: Dataset, *, folder: Path) -> str | None:
        """See `MarkedConnector.mark`; it differs also when the plug-in itself does."""
        connector = self._loaded(source, dataset)
        told = self._asked(source, dataset, lambda: mark_of(connector, source, dataset, folder=folder))
        return None if told is None else f"{owner_of(self.entries[0])} {code_of(self.entries[0])} {told}"

    def option_faults(self, source: Source, dataset: Dataset) -> list[str]:
        """What the plug-in says against the source's options; nothing where it does not check them."""
        connector = self._loaded(source, dataset)
        if not hasattr(connector, "check_options"):
            return []
        return self._asked(source, dataset, lambda: [str(one) for one in connector.check_options(source.options)])

    def _loaded(self, source: Source, dataset: Dataset) -> Any:
        try:
            return load(self.kind, self.entries)
        except Refusal as error:
            fault = SourceUnreachable(source.name, dataset.name, error.what, error.remedy)
        raise fault

    def _asked(self, source: Source, dataset: Dataset, question: Callable[[], T]) -> T:
        """The answer. A fault is raised outside of the handler: a chained error would show what its text holds."""
        try:
            return question()
        except SourceError:
            raise
        except LandbridgeError as error:
            fault = self._refusal(source, dataset, f"gives nothing: {error}")
        except BaseException as error:
            if not is_fault(error):
                raise
            fault = self._refusal(source, dataset, f"failed with {type(error).__name__}{place_of(error)}")
        raise fault

    def _refusal(self, source: Source, dataset: Dataset, what: str) -> SourceUnreadable:
        owner = owner_of(self.entries[0])
        remedy = f"Ask the author of {owner}; the last good rows stay."
        return SourceUnreadable(source.name, dataset.name, f"the connector '{self.kind}' of {owner} {what}", remedy)


def plugged(kind: str) -> Plugged:
    """The connector of a kind that is not built in."""
    return Plugged(kind, offered(CONNECTORS).get(kind, ()))


def shadows(kind: str) -> list[str]:
    """Distributions that offer a connector by the name of a built-in one; theirs is not used."""
    return [owner_of(entry) for entry in offered(CONNECTORS).get(kind, ()) if not _is_ours(entry)]


def load(kind: str, entries: tuple[EntryPoint, ...]) -> Any:
    """The connector: a module, an object, or a class that is made without arguments. Raises Refusal."""
    if not entries:
        raise Refusal(f"no connector is called '{kind}' here", "Install the distribution that brings it.")
    if len(entries) > 1:
        both = " and ".join(owner_of(entry) for entry in entries)
        raise Refusal(f"the connector '{kind}' is offered by {both}", "Uninstall all but one of them.")
    (entry,) = entries
    try:
        loaded = entry.load()
        connector = loaded() if inspect.isclass(loaded) else loaded
    except BaseException as error:
        if not is_fault(error) and not isinstance(error, SystemExit):  # a module may not end the process it is read in
            raise
        lines = str(error).strip().splitlines() or [""]
        why = f"{type(error).__name__}: {lines[0][:SHOWN]}".removesuffix(": ")
        fault = Refusal(f"the connector '{kind}' of {owner_of(entry)} does not load: {why}", _remedy(entry))
    else:
        lacking = [name for name in NEEDED if not callable(getattr(connector, name, None))]
        if not lacking:
            return connector
        fault = Refusal(f"the connector '{kind}' of {owner_of(entry)} has no '{lacking[0]}'", _remedy(entry))
    raise fault


def examined() -> list[tuple[str, str, str, str]]:
    """Every connector that other distributions offer: kind, owner, and what is wrong with it and the remedy, if so."""
    told = []
    for kind, entries in sorted(offered(CONNECTORS).items()):
        foreign = tuple(entry for entry in entries if not _is_ours(entry))
        owners = " and ".join(owner_of(entry) for entry in foreign)
        if not foreign:
            continue
        if kind in SOURCE_KINDS:
            told.append((kind, owners, "is not used: the name is built in", "Ask its author for another name."))
            continue
        try:
            load(kind, entries)
        except Refusal as error:
            told.append((kind, owners, error.what, error.remedy))
        else:
            told.append((kind, owners, "", ""))
    return told


def fault_of(batch: object, schema: pl.Schema | None) -> str:
    """Why it is no batch that can follow one of this schema; empty where it is."""
    if not isinstance(batch, Batch):
        return f"gives {type(batch).__name__} where a Batch belongs"
    for name, dtype in PROVENANCE.items():
        if batch.frame.schema.get(name) != dtype:
            return f"gives rows without '{name}' of type {dtype}"
    return "" if schema is None or batch.frame.schema == schema else "gives batches of different columns"


def _is_ours(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name == OURS


def _remedy(entry: EntryPoint) -> str:
    owner = entry.dist.name if entry.dist else "it"
    return f"Repair or uninstall {owner}."
