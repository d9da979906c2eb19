"""What is known of a file without reading its rows: its columns, and what was noticed. Kept by content."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

import polars as pl

from catalog.errors import FileRefused
from catalog.models import Dataset, Source
from connectors.faults import guarded
from connectors.files import promised_columns, refuse_reserved
from connectors.filing.asking import ANY, limits_of, options_for
from connectors.filing.beside import content_of
from connectors.filing.flattening import flat_schema
from connectors.filing.held import HELD, Key
from connectors.formats import recognised, tables_of
from connectors.formats.tables import TEXT, File, Table
from connectors.places import Delivery

TWIN = re.compile(r"_\d+")  # what a format puts behind a name that a file repeats
KEPT = 65_536  # files whose facts are remembered by one process: about 30 MB, as files of one layout share theirs

_known: OrderedDict[Key, Facts] = OrderedDict()
_layouts: WeakValueDictionary[tuple[object, ...], Facts] = WeakValueDictionary()


@dataclass(frozen=True)
class Facts:
    """The flat columns of the wanted table of one file: their types in the frames, and in the source's own words."""

    schema: pl.Schema
    declared: dict[str, str]


def facts_of(one: Delivery, source: Source, dataset: Dataset) -> Facts:
    """The facts of a file, remembered by its content. Raises FileRefused."""
    key = _key(one, one.fingerprint(), source, dataset)
    if key in _known:
        _known.move_to_end(key)
        return _known[key]
    with one.fetched() as file, guarded():
        table = wanted_table(file, one.table, source, dataset)
        told = facts_from(table, source, dataset)
    HELD.put(key, table)
    _known[key] = _layouts.setdefault((*told.schema.items(), *told.declared.items()), told)
    if len(_known) > KEPT:
        _known.popitem(last=False)
    return told


def table_of(one: Delivery, sha: str, file: File, source: Source, dataset: Dataset) -> Table:
    """The wanted table of a file of that content: the one its facts were told of, where that holds its rows."""
    return HELD.take(_key(one, sha, source, dataset)) or wanted_table(file, one.table, source, dataset)


def _key(one: Delivery, sha: str, source: Source, dataset: Dataset) -> Key:
    """All that a file's table depends on."""
    return (sha, one.table, content_of(source), _suffix(one.name), *_declared(source, dataset))


class _Declared:
    """What a source and a dataset declare, as texts: written once for the many files of a read."""

    def __init__(self) -> None:
        self._last: tuple[Source, Dataset, Key] | None = None

    def __call__(self, source: Source, dataset: Dataset) -> Key:
        last = self._last
        if last is None or last[0] is not source or last[1] is not dataset:
            told = (source.model_dump_json(), dataset.fingerprint, str(dataset.fields))
            last = self._last = (source, dataset, told)
        return last[2]


_declared = _Declared()


def facts_from(table: Table, source: Source, dataset: Dataset) -> Facts:
    """The facts of a table that is open."""
    whole, lists = kept_whole(table, source, dataset)
    schema = flat_schema(table.schema, str(source.options.get("rows", "")), whole=whole, lists=lists)
    refuse_reserved(schema.names(), source, dataset, "the file")
    _refuse_repeated(table, schema, dataset)
    return Facts(schema, {name: _words(name, dtype, table) for name, dtype in schema.items()})


def _refuse_repeated(table: Table, schema: pl.Schema, dataset: Dataset) -> None:
    """Nobody knows which of two columns of one name a contract means."""
    if not any(one.rule == "column-repeated" for one in table.noticed):
        return
    for name in promised_columns(dataset):
        if name in schema and any(TWIN.fullmatch(other.removeprefix(name)) for other in schema if other != name):
            raise FileRefused(f"it names the column '{name}' twice", "Ask for an export with one name per column.")


def wanted_table(file: File, name: str, source: Source, dataset: Dataset) -> Table:
    """The table of the file that the contract names, or the source's options, or the first."""
    kind = recognised(file) if source.kind == ANY else source.kind
    with guarded():
        tables = tables_of(kind, file, options_for(kind, source, dataset), limits=limits_of(source))
    wanted = name or str(source.options.get("table", ""))
    if not wanted:
        return tables[0]
    found = [one for one in tables if one.name == wanted] or [
        one for one in tables if one.name.casefold() == wanted.casefold()
    ]
    if not found:
        there = ", ".join(f"'{one.name}'" for one in tables[:8]) + (" ..." if len(tables) > 8 else "")
        raise FileRefused(f"it has no table '{wanted}'; there are {there}", "Correct the name behind the '#'.")
    return found[0]


def kept_whole(table: Table, source: Source, dataset: Dataset) -> tuple[list[str], bool]:
    """The nested columns that stay as they are, and whether lists stay lists: as typed files and the contract say."""
    nested_types = table.meta.get("format") in ("parquet", "arrow")
    return [name for name in promised_columns(dataset) if name in table.schema and nested_types], nested_types


def _words(name: str, dtype: pl.DataType, table: Table) -> str:
    """The declared type of a flat column: its own, or for a leaf what its frame holds."""
    if name in table.declared:
        return table.declared[name]
    return TEXT if dtype == pl.String() else str(dtype)


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
