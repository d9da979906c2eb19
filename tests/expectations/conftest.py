"""Small contracts and frames: fields by type, rules by kind, rows through `normalize` as a run brings them."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.models import Dataset, DocumentTemplate, Field, GapRule, Place, Project, Rule, Source
from pipelines.normalize import normalize

PLACE = Place(file="datasets/trips.odcs.yaml", line=7)


def field(name: str, kind: str = "string", **given: Any) -> Field:
    return Field(name=name, physical_name=name, type=kind, place=PLACE, **given)


def rule(kind: str, field: str | None = None, **given: Any) -> Rule:
    options = {name: given.pop(name) for name in ("tolerance", "severity", "action", "name") if name in given}
    name = options.pop("name", f"{field or 'dataset'}-{kind}")
    return Rule(name=name, kind=kind, field=field, arguments=given, place=PLACE, **options)


def contract(*fields: Field, rules: tuple[Rule, ...] = (), name: str = "trips", **given: Any) -> Dataset:
    given.setdefault("quarantine_threshold", 1.0)
    return Dataset(
        name=name, version="1", title=name.title(), owner="the-owner", source="files", physical_name=f"{name}.csv",
        fields=(field("id", "integer", key_position=1), *fields), rules=rules, fingerprint="", place=PLACE, **given,
    )  # fmt: skip


def rows(dataset: Dataset, **columns: Any) -> pl.DataFrame:
    """A normalized frame; without `id` the rows are numbered from 1."""
    height = len(next(iter(columns.values())))
    columns.setdefault("id", list(range(1, height + 1)))
    return normalize(pl.DataFrame({name: _series(values) for name, values in columns.items()}), dataset)


def _series(values: Any) -> pl.Series:
    return values if isinstance(values, pl.Series) else pl.Series(values)


def project(*datasets: Dataset) -> Project:
    source = Source(name="files", kind="csv", location=".", place=PLACE)
    named = {dataset.name: dataset for dataset in datasets}
    return Project(name="harbour", folder=Path(), sources={"files": source}, datasets=named)


def gap(kind: str, **given: Any) -> GapRule:
    return GapRule(kind=kind, place=PLACE, **{"name": "the-gap", **given})


def document(*by: str) -> DocumentTemplate:
    return DocumentTemplate(name="document", title="x", text="x", by=by, place=PLACE)


class Make:
    """The builders under one roof, since tests cannot import each other."""

    field = staticmethod(field)
    rule = staticmethod(rule)
    contract = staticmethod(contract)
    rows = staticmethod(rows)
    project = staticmethod(project)
    gap = staticmethod(gap)
    document = staticmethod(document)


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make
