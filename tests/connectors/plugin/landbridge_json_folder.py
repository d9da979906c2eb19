"""Read a folder of JSON documents, one object a file: a connector for Landbridge, of the kind `json_folder`."""

import json

import polars as pl

from catalog.errors import SourceUnreadable
from connectors.batch import Batch
from connectors.files import files_of, location_of, promised_columns


def read(source, dataset, *, folder):
    rows, size = [], 0
    for path in files_of(source, dataset, folder=folder):
        large = path.stat().st_size
        if rows and (len(rows) == source.batch_rows or size + large > source.batch_bytes):
            yield _batch(rows, dataset)
            rows, size = [], 0
        rows.append({**_document(path, source, dataset), "_location": location_of(path, folder=folder), "_position": 1})
        size += large
    yield _batch(rows, dataset)


def columns(source, dataset, *, folder):
    found = {}
    for path in files_of(source, dataset, folder=folder):
        found |= dict.fromkeys(_document(path, source, dataset), "text")
    return found


def check_options(options):
    return [f"there is no option '{name}'; 'under' is the only one" for name in options if name != "under"]


def _document(path, source, dataset):
    try:
        found = json.loads(path.read_text(source.encoding or "utf-8"), parse_float=str)
        found = found[source.options["under"]] if "under" in source.options else found
        return {name: one if one is None or isinstance(one, str) else json.dumps(one) for name, one in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        what = f"'{path.name}' is no JSON object"
        raise SourceUnreadable(source.name, dataset.name, what, "Ask for the document again.") from None


def _batch(rows, dataset):
    schema = {**dict.fromkeys([*promised_columns(dataset), "_location"], pl.String), "_position": pl.Int64}
    return Batch(pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema))
