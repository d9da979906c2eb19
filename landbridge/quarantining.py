"""Work the quarantine: list what is open, show one row with its history, and decide what becomes of it.

A decision is a line in the ledger with a name and a reason; the next run carries it out.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from catalog.errors import Refusal
from catalog.models import Dataset, Project
from expectations.checking import KEY_PRESENT
from expectations.disclosure import HIDDEN, may_tell
from ledger.models import DecisionKind, QuarantineDecision
from pipelines.drifting import as_taken
from pipelines.fixing import Fix, fixed
from pipelines.normalize import normalize
from pipelines.row_identity import contents, key_mark, sealed
from pipelines.settling import about
from pipelines.site import Site
from pipelines.store import read_json
from pipelines.workplace import Backlog, Held, backlog, held_rows, is_of_now, told_duration

ID_SHOWN = 10  # characters of a row's id in tables; any beginning that is no other row's will do
FIRST = 200  # rows of a table for a person
BY_LENGTH = 255
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class DecisionRefused(Refusal):
    """A decision about a row that cannot be made, and what to do instead."""


@dataclass(frozen=True)
class Verdict:
    """What a person decides: a fix names a `field` and its new `value`; a release frees from its `rules`, or all."""

    kind: DecisionKind
    by: str
    reason: str
    rules: tuple[str, ...] = ()
    field: str = ""
    value: str = ""


def system_user() -> str:
    """Who works at this machine. DecisionRefused where the system knows no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise DecisionRefused("nobody knows who decides here", "Say it with --by NAME.") from error


def rows_of(project: Project, dataset: str | None, *, everything: bool) -> list[Held]:
    """The open rows of one or all datasets, oldest first; with `everything` also the rejected ones."""
    site = Site.open(project)
    return [row for name in _named(project, dataset) for row in _held(site, name) if everything or row.open]


def backlogs(project: Project, dataset: str | None) -> list[Backlog]:
    """Open rows by dataset and rule, with their ages and the time it takes to get out."""
    site = Site.open(project)
    return [one for name in _named(project, dataset) for one in backlog(site, name, _held(site, name))]


def history(project: Project, row_id: str) -> dict[str, Any]:
    """One row as it may be told, every rule it breaks, what was decided about it and when it was in quarantine."""
    site = Site.open(project)
    row = _the_row(site, row_id)
    more = _stored(site, row)
    decisions = [one for one in site.ledger.quarantine_decisions(row.dataset) if one.row_id == row.id]
    seen = sorted(site.ledger.sightings(row.dataset, resolved_since=_EVER), key=lambda one: one.first_seen)
    return as_json(row) | {
        "row": json.loads(more["row"]) if more["row"] else {},
        "breaches": more["breaches"],
        "decisions": [_decision(one, row) for one in decisions],
        "sightings": [
            one.model_dump(mode="json", exclude={"dataset", "row_id"}) for one in seen if one.row_id == row.id
        ],
    }


def decide(project: Project, row_id: str, verdict: Verdict) -> list[QuarantineDecision]:
    """Write a decision about a row into the ledger. DecisionRefused where it makes no sense for the row."""
    site = Site.open(project)
    if not verdict.reason.strip():
        raise DecisionRefused("a decision needs a reason", "Say it with --reason TEXT.")
    if not 0 < len(verdict.by.strip()) <= BY_LENGTH:
        raise DecisionRefused(f"a decision needs a name of 1 to {BY_LENGTH} characters", "Say it with --by NAME.")
    row = _the_row(site, row_id)
    made = list(_decisions(site, row, verdict))
    site.ledger.record_quarantine_decisions(made)
    return made


def as_json(row: Held) -> dict[str, Any]:
    """The documented shape of one row in `quarantine list --json`."""
    age = None if row.age is None else int(row.age.total_seconds())
    return {
        "id": row.id, "dataset": row.dataset, "key": row.key, "location": row.location, "position": row.position,
        "rule": row.rule, "rules": list(row.rules), "field": row.field, "value": row.value, "reason": row.reason,
        "first_seen": None if row.first_seen is None else row.first_seen.isoformat(), "age_seconds": age,
        "state": _state(row),
    }  # fmt: skip


def backlog_json(one: Backlog) -> dict[str, Any]:
    """The documented shape of one line of `quarantine list --summary --json`; spans are in seconds."""
    spans = {name: getattr(one, name) for name in ("oldest", "median_age", "median_to_release")}
    seconds = {f"{name}_seconds": None if span is None else int(span.total_seconds()) for name, span in spans.items()}
    return {"dataset": one.dataset, "rule": one.rule, "open": one.open, "out_in_90_days": one.out, **seconds}


def tell_rows(rows: Sequence[Held]) -> None:
    """The open rows for a person."""
    from landbridge import show

    if not rows:
        show.line("Nothing is in quarantine.")
        return
    told = [
        {
            "id": row.id[:ID_SHOWN], "dataset": row.dataset, "rule": ", ".join(row.rules), "column": row.field,
            "where": f"{row.location}:{row.position}", "value": "" if row.value is None else row.value,
            "age": told_duration(row.age), "state": _state(row),
        }
        for row in rows[:FIRST]
    ]  # fmt: skip
    show.table(told, ("id", "dataset", "rule", "column", "where", "value", "age", "state"), right=("age",))
    if len(rows) > FIRST:
        show.line(f"and {len(rows) - FIRST:,} more; --json lists all")


def tell_backlogs(found: Iterable[Backlog]) -> None:
    """The metrics for a person."""
    from landbridge import show

    told = [
        {
            "dataset": one.dataset, "rule": one.rule, "open": one.open, "oldest": told_duration(one.oldest),
            "median age": told_duration(one.median_age), "out in 90 d": one.out,
            "median time out": told_duration(one.median_to_release),
        }
        for one in found
    ]  # fmt: skip
    numbers = ("open", "oldest", "median age", "out in 90 d", "median time out")
    show.table(told, ("dataset", "rule", *numbers), right=numbers)


def tell_history(told: dict[str, Any]) -> None:
    """One row for a person."""
    from landbridge import show

    show.line(f"{told['id']}  {told['dataset']}  {told['state']}")
    show.line(f"key {told['key'] or 'none'}, at {told['location']}:{told['position']}")
    for one in told["breaches"]:
        value = "no value" if one["value"] is None else one["value"]
        show.line(f"  breaks {one['rule']}: {one['reason']}" + (f" ({one['field']}: {value})" if one["field"] else ""))
    show.line("row")
    for name, value in told["row"].items():
        show.line(f"  {name}: {'' if value is None else value}")
    show.line("history")
    for one in told["sightings"]:
        end = f", out {one['resolved_at'][:16]} ({one['outcome']})" if one["resolved_at"] else ""
        show.line(f"  {one['first_seen'][:16]} in quarantine for {one['rule']}{end}")
    for one in told["decisions"]:
        what = " ".join(
            filter(None, (one["kind"], one["rule"], one["field"], f"= {one['value']}" if one["field"] else ""))
        )
        lapsed = "" if one["holds"] else " (the row changed since)"
        show.line(f"  {one['at'][:16]} {what}, by {one['by']}: {one['reason']}{lapsed}")


def _named(project: Project, dataset: str | None) -> list[str]:
    if dataset is None:
        return sorted(project.datasets)
    if dataset not in project.datasets:
        there = ", ".join(sorted(project.datasets))
        raise DecisionRefused(f"{dataset}: no such dataset", f"There are {there}.")
    return [dataset]


def _held(site: Site, dataset: str) -> list[Held]:
    if not is_of_now(site, dataset):
        raise DecisionRefused(f"the quarantine of {dataset} is of an earlier version", "landbridge run")
    return held_rows(site, dataset)


def _the_row(site: Site, row_id: str) -> Held:
    wanted = row_id.strip().lower()
    rows = [row for name in sorted(site.project.datasets) for row in _held(site, name)]
    found = [row for row in rows if wanted and row.id.startswith(wanted)]
    if not found:
        raise DecisionRefused(f"no row in quarantine has the id {row_id}", "landbridge quarantine list shows the ids.")
    if len(found) > 1:
        raise DecisionRefused(
            f"{len(found)} rows in quarantine have an id that begins with {row_id}", "Give more of it."
        )
    return found[0]


def _stored(site: Site, row: Held) -> dict[str, Any]:
    """What the quarantine keeps of one row beyond what a list shows."""
    path = site.home.quarantine(row.dataset)
    return pl.scan_parquet(path).filter(pl.col("id") == row.id).collect().row(0, named=True)


def _decisions(site: Site, row: Held, verdict: Verdict) -> Iterator[QuarantineDecision]:
    key = site.mask_key()
    common: dict[str, Any] = {
        "dataset": row.dataset, "row_id": row.id, "key": row.key or "", "location": row.location,
        "position": row.position, "kind": verdict.kind, "taken": row.taken, "key_mark": key_mark(key),
        "by": verdict.by.strip(), "reason": verdict.reason.strip(), "at": site.clock(),
    }  # fmt: skip
    if verdict.kind == "reject":
        yield QuarantineDecision(**common)
    elif verdict.kind == "release":
        yield from (QuarantineDecision(**common, rule=rule) for rule in _releasable(row, verdict.rules))
    else:
        _tried(site, row, verdict)
        hidden = not may_tell(site.dataset(row.dataset).field(verdict.field))
        value = sealed(verdict.value, about=about(row.id, verdict.field), key=key) if hidden else verdict.value
        yield QuarantineDecision(**common, field=verdict.field, value=value, sealed=hidden)


def _releasable(row: Held, rules: Sequence[str]) -> Sequence[str]:
    """The rules to release a row from: those named, or all that hold it."""
    unknown = sorted(set(rules) - set(row.rules))
    if unknown:
        raise DecisionRefused(f"the row does not break {unknown[0]}", f"It breaks {', '.join(row.rules)}.")
    wanted = list(rules or row.rules)
    if KEY_PRESENT in wanted:
        raise DecisionRefused(
            "a row without its key cannot be told from others, so nobody can let it pass",
            "Fix the key, or reject the row.",
        )
    return wanted


def _tried(site: Site, row: Held, verdict: Verdict) -> None:
    """Refuse a fix that could not be carried out: no such field or column, or a value nobody can read."""
    dataset, raw = _declared(site, row)
    known = {one.name: one for one in dataset.fields}
    if verdict.field not in known:
        raise DecisionRefused(f"{row.dataset} has no field {verdict.field}", f"There are {', '.join(known)}.")
    declared = known[verdict.field]
    if declared.combine is not None:
        parts = f"{declared.combine.date} or {declared.combine.time}"
        raise DecisionRefused(f"{verdict.field} is made of other fields", f"Fix {parts}.")
    changed, impossible = fixed(raw, [Fix(0, declared.physical_name, verdict.value)])
    if impossible:
        kind = raw.schema.get(declared.physical_name, "no column of that name")
        shown = verdict.value if may_tell(declared) else HIDDEN
        raise DecisionRefused(f"the source cannot hold {shown!r} as {verdict.field}", f"It holds {kind} there.")
    faults = normalize(changed, dataset)["_faults"].explode().drop_nulls()
    told = [fault["reason"] for fault in faults.to_list() if fault["field"] == verdict.field]
    if told:
        raise DecisionRefused(f"the new value of {verdict.field} is {told[0]}", "Write it as the source spells it.")


def _declared(site: Site, row: Held) -> tuple[Dataset, pl.DataFrame]:
    """The contract, and the row as it lies in the raw zone."""
    manifest = read_json(site.home.manifest("raw", row.dataset))
    dataset = as_taken(site.dataset(row.dataset), manifest)
    number = _stored(site, row)["_row"]
    raw = pl.scan_parquet(site.home.raw(row.dataset)).slice(number, 1).collect()
    if contents(raw, dataset, site.mask_key()).to_list() != [row.taken]:
        raise DecisionRefused(
            "the source was read again since the row was set aside", "landbridge run, then look again."
        )
    return dataset, raw


def _state(row: Held) -> str:
    if row.standing.rejected:
        return "rejected"
    if row.waits:
        return "waits for the next run"
    return "open"


def _decision(one: QuarantineDecision, row: Held) -> dict[str, Any]:
    told = one.model_dump(mode="json", include={"kind", "rule", "field", "by", "reason", "at"})
    return told | {"value": HIDDEN if one.sealed else one.value, "holds": one.taken == row.taken}
