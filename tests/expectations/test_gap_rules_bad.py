"""A gap rule over bad input is never silent: what cannot be judged is a finding, and so is what is bad throughout."""

from datetime import UTC, datetime

import polars as pl
import pytest
import yaml

import expectations
from catalog.errors import SourceError
from catalog.models import ConflictField
from expectations import claimed, portions
from expectations.looked_at import columns_of_gaps, held
from pipelines import stages

THEIRS = {"to_dataset": "ships", "on": (("ship", "code"),)}
KINDS = {
    "missing_reference": {"fields": ("ship",), "to_dataset": "ships", "to_fields": ("code",), "direction": "both"},
    "missing_value": {"field": "note"},
    "missing_period": {"field": "day", "every": "1d"},
    "missing_entity": {"fields": ("ship",), "systems": (("ships", "code"),)},
    "missing_sequence": {"field": "number"},
    "stale_field": {**THEIRS, "changed": "at", "their_changed": "at", "max_age": "1d"},
    "segment_coverage": {"field": "note", "per": ("port",)},
    "mixed_format": {"field": "note"},
    "conflict": {**THEIRS, "compare": (ConflictField(field="note", other="note"),)},
}
COLUMNS = {"ship": "string", "note": "string", "day": "date", "number": "integer", "at": "timestamp", "port": "string"}


class Harbour:
    """Calls with one gap rule of a kind, and the register of ships; no row of either but those that are given."""

    def __init__(self, make, kind):
        self.make, self.kind = make, kind
        gap = make.gap(kind, **KINDS[kind])
        fields = [make.field(name, of) for name, of in COLUMNS.items()]
        self.calls = make.contract(*fields, name="calls", gap_rules=(gap,), documents=(make.document(),))
        theirs = [make.field(name, of) for name, of in {"code": "string", "note": "string", "at": "timestamp"}.items()]
        self.ships = make.contract(*theirs, name="ships")
        self.project = make.project(self.calls, self.ships)

    def rows(self, dataset, height, **values):
        schema = {"string": pl.String, "date": pl.Date, "integer": pl.Int64, "timestamp": pl.Datetime("us", "UTC")}
        columns = {
            one.name: pl.Series([values.get(one.name)] * height, dtype=schema[one.type]) for one in dataset.fields[1:]
        }
        return self.make.rows(dataset, **columns).drop("_outcome", "_faults")

    def whole(self, height=40):
        """Frames without a gap."""
        day = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 1) + pl.duration(days=height - 1))
        number = pl.int_range(1, height + 1)
        ship = pl.format("S{}", number)
        moment = pl.datetime(2024, 1, 1, time_zone="UTC")
        calls = self.rows(self.calls, height, note="calm", port="Kiel")
        calls = calls.with_columns(ship=ship, day=pl.select(day).to_series(), number=number, at=moment)
        ships = self.rows(self.ships, height, note="calm").with_columns(code=ship, at=moment)
        return {"calls": calls, "ships": ships}

    def findings(self, frames):
        return expectations.gaps(self.project, frames).findings


@pytest.fixture(params=KINDS)
def harbour(request, make):
    return Harbour(make, request.param)


def unjudged(findings):
    return [one for one in findings if one.evidence.get("status") == "not evaluated" and one.severity == "critical"]


def test_whole_frames_have_no_gap(harbour):
    assert harbour.findings(harbour.whole()) == ()


def test_no_rows_at_all_are_told_not_passed(harbour):
    whole = harbour.whole()
    (told,) = harbour.findings({name: frame.clear() for name, frame in whole.items()})
    assert unjudged([told])
    assert "no ready rows of calls" in told.message


def test_rows_that_are_bad_throughout_are_told(harbour):
    """Every value is lost, as after an export whose columns moved."""
    frames = harbour.whole() | {"calls": harbour.rows(harbour.calls, 40)}
    told = harbour.findings(frames)
    assert told
    assert all(one.severity == "critical" for one in told)


def test_one_row_is_judged_or_said_to_be_too_few(harbour):
    told = harbour.findings(harbour.whole(height=1))
    assert len(told) == (1 if harbour.kind == "segment_coverage" else 0)
    assert unjudged(told) == list(told)


def test_a_column_that_drift_removed_is_named(harbour):
    """Each column that the rule names, in turn."""
    whole = harbour.whole()
    for name, column in columns_of_rule(harbour):
        told = harbour.findings(whole | {name: whole[name].drop(column)})
        assert unjudged(told), column
        assert any(f"{name}.{column}" in one.message for one in told)


def columns_of_rule(harbour):
    (rule,) = harbour.calls.gap_rules
    return rule.named("calls")


def test_a_system_that_is_down_is_named(harbour):
    whole = harbour.whole()
    if all(name == "calls" for name, _ in columns_of_rule(harbour)):
        del whole["calls"]
    else:
        del whole["ships"]
    told = harbour.findings(whole)
    assert unjudged(told)


def spoilt(harbour):
    """Frames with one gap of each kind."""
    frames = harbour.whole()
    rows = frames["calls"].with_columns(
        pl.when(number=7).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in {"ship": "X", "note": None, "day": None, "number": 700}.items()
    )
    rows = rows.with_columns(
        pl.when(number=9).then(pl.lit(value)).otherwise(name).alias(name)
        for name, value in {"note": "stormÃ¼", "at": datetime(2023, 1, 1, tzinfo=UTC)}.items()
    )
    frames["calls"] = rows
    return frames


def test_a_rule_finds_the_same_in_the_columns_it_looks_at(harbour):
    """Only these are read in a run."""
    frames = spoilt(harbour)
    narrow = held(frames, columns_of_gaps(harbour.project, [(harbour.calls, *harbour.calls.gap_rules)]))
    assert harbour.kind == "missing_value" or len(narrow["calls"].columns) < frames["calls"].width
    told = expectations.gaps(harbour.project, {name: rows.lazy() for name, rows in frames.items()})
    whole = expectations.gaps(harbour.project, frames)
    assert whole.findings
    assert told.findings == whole.findings
    assert told.known.equals(whole.known)


def test_a_rule_finds_the_same_however_small_the_portions_are_that_it_looks_at(harbour, monkeypatch):
    whole = expectations.gaps(harbour.project, spoilt(harbour))
    monkeypatch.setattr(portions, "PORTION", 3)
    monkeypatch.setattr(claimed, "TOGETHER", 5)
    parts = expectations.gaps(harbour.project, spoilt(harbour))
    assert whole.findings
    assert parts.findings == whole.findings
    assert parts.known.equals(whole.known)
    assert parts.settled.equals(whole.settled)


def test_in_a_run_a_system_of_record_that_never_delivered_is_told(shop):
    contract = yaml.safe_load((shop.folder / "datasets" / "orders.odcs.yaml").read_text())
    rule = {"name": "who", "kind": "conflict", "with": "customers", "on": {"customer": "id"},
            "compare": [{"field": "customer", "other": "name"}], "systemOfRecord": "customers"}  # fmt: skip
    contract["customProperties"][-1]["value"].append(rule)
    shop.write("datasets/orders.odcs.yaml", contract)
    (shop.folder / "systems" / "customers.csv").unlink()
    site = shop.site()
    with pytest.raises(SourceError):
        stages.pull(site, "customers", run_id="r")
    stages.pull(site, "orders", run_id="r")
    stages.make_ready(site, "orders", run_id="r")
    told = unjudged(stages.find_gaps(site, run_id="r").findings)
    assert {one.rule.partition("/")[0] for one in told} == {"order-without-customer", "who"}
    assert all("customers" in one.message for one in told)
