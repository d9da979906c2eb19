"""Review what is one thing: the pairs in doubt with what speaks for them, one entity whole, and a person's word.

A word about a pair is a line in the ledger with a name and a reason; the next run carries it out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import polars as pl

from catalog.entity_models import Entity
from catalog.models import Dataset, Project
from expectations.disclosure import HIDDEN, may_tell, tellable
from expectations.linking.planning import KEY, needed
from expectations.wording import as_text
from landbridge.quarantining import BY_LENGTH, DecisionRefused
from ledger.models import EntityDecision
from pipelines.entity_decisions import last_words
from pipelines.row_identity import key_mark
from pipelines.site import Site
from pipelines.store import read_json

ID_SHOWN = 10  # characters of a pair's id in tables; any beginning that no other pair has will do
FIRST = 50  # pairs of a table for a person
VALUES_SHOWN = 12  # fields of a record
SIDES = ("left", "right")
T = TypeVar("T")


@dataclass(frozen=True)
class Word:
    """What a person says of a pair: the `same` thing or not, who says it, and why."""

    same: bool
    by: str
    reason: str


def summaries(project: Project) -> list[dict[str, Any]]:
    """A line for each entity: its records, its entities, links by the way they came about, and what waits."""
    site = Site.open(project)
    return [
        {"entity": name, "owner": entity.owner, "members": list(entity.datasets), **_manifest(site, name)["counts"]}
        | {"waits": _waiting(site, name).height}
        for name, entity in sorted(project.entities.items())
    ]


def doubts(project: Project, entity: str | None, *, limit: int | None = None) -> list[dict[str, Any]]:
    """The pairs that wait for a person, the most uncertain first, with both records as far as they may be told."""
    site = Site.open(project)
    found = [_waiting(site, name).with_columns(pl.lit(name).alias("entity")) for name in _named(project, entity)]
    if not found:
        return []
    ordered = pl.concat(found).sort((pl.col("probability") - 0.5).abs(), "pair")
    shown = ordered if limit is None else ordered.head(limit)
    return list(_pairs(site, shown))


def waiting(project: Project, entity: str | None) -> int:
    """How many pairs wait for a person."""
    site = Site.open(project)
    return sum(_waiting(site, name).height for name in _named(project, entity))


def entity_told(project: Project, wanted: str) -> dict[str, Any]:
    """One entity by its id, as much of it as no other has, or one of its records as `dataset:key`.

    Its members, the links between them, and its golden record with whose each value is. DecisionRefused for none.
    """
    site = Site.open(project)
    name, entity_id = _the_entity(site, wanted)
    members = _part(site, name, "members").filter(pl.col("entity_id") == entity_id)
    links = _part(site, name, "links")
    ours = members.select(pl.col("record").alias("left_record"))
    links = links.join(ours, on="left_record", how="semi").with_columns(pl.lit(name).alias("entity"))
    theirs = members.select(pl.col("record").alias("right_record"))
    within = links.join(theirs, on="right_record", how="semi", maintain_order="left")
    golden = _part(site, name, "golden").filter(pl.col("entity_id") == entity_id)
    return {
        "id": entity_id,
        "entity": name,
        "members": [_record(site, row["dataset"], row["key"], row["record"]) for row in members.iter_rows(named=True)],
        "links": list(_pairs(site, within)),
        "golden": [_golden(site, row) for row in golden.iter_rows(named=True)],
        "decisions": list(_decisions(site, name, set(members["record"].to_list()))),
    }


def decide(project: Project, pair: str, word: Word) -> EntityDecision:
    """Write a person's word about a pair into the ledger. DecisionRefused where it makes no sense."""
    if not word.reason.strip():
        raise DecisionRefused("a decision needs a reason", "Say it with --reason TEXT.")
    if not 0 < len(word.by.strip()) <= BY_LENGTH:
        raise DecisionRefused(f"a decision needs a name of 1 to {BY_LENGTH} characters", "Say it with --by NAME.")
    site = Site.open(project)
    name, row = _the_pair(site, pair)
    sides: dict[str, str] = {}
    for side in SIDES:
        dataset = site.dataset(row[f"{side}_dataset"])
        told = row[f"{side}_key"] if tellable(dataset, dataset.key) else ""
        sides |= {f"{side}_dataset": dataset.name, f"{side}_id": row[f"{side}_record"], f"{side}_key": told}
    made = EntityDecision(
        entity=name, **sides, same=word.same, key_mark=key_mark(site.mask_key()), by=word.by.strip(),
        reason=word.reason.strip(), at=site.clock(),
    )  # fmt: skip
    site.ledger.record_entity_decisions([made])
    return made


def _named(project: Project, entity: str | None) -> list[str]:
    if entity is None:
        return sorted(project.entities)
    if entity not in project.entities:
        there = ", ".join(sorted(project.entities))
        raise DecisionRefused(f"{entity}: no such entity", f"There are {there}." if there else "entities/ holds none.")
    return [entity]


def _manifest(site: Site, name: str) -> dict[str, Any]:
    found = read_json(site.home.entity(name, "links").with_name("manifest.json"))
    if not found:
        raise DecisionRefused(f"nothing is known of {name} yet", "landbridge run")
    return found


def _part(site: Site, name: str, part: Any) -> pl.DataFrame:
    _manifest(site, name)
    return pl.read_parquet(site.home.entity(name, part))


def _waiting(site: Site, name: str) -> pl.DataFrame:
    """The doubtful pairs of the last run about which nobody has said anything since."""
    links = _part(site, name, "links").filter(pl.col("decision") == "review")
    run = datetime.fromisoformat(_manifest(site, name)["checked_at"])
    said = last_words(site.ledger.entity_decisions(name), site.mask_key())
    # what a run left in doubt in spite of a word, as another word or a rival stands against it, stays a question
    since = [records for records, one in said.items() if one.at > run]
    decided = pl.DataFrame(since, schema={"_one": pl.String, "_other": pl.String}, orient="row")
    ends = [pl.col(f"{side}_record") for side in SIDES]
    ordered = links.with_columns(pl.min_horizontal(ends).alias("_one"), pl.max_horizontal(ends).alias("_other"))
    return ordered.join(decided, on=["_one", "_other"], how="anti").drop("_one", "_other")


def _pairs(site: Site, rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    values = _values(site, rows)
    for row in rows.iter_rows(named=True):
        evidence: Mapping[str, float | None] = json.loads(row["evidence"])
        yield {
            "pair": row["pair"], "entity": row["entity"], "probability": round(row["probability"], 4),
            "decision": row["decision"], "way": row["way"], "reason": row["reason"],
            "agree": [name for name, bits in evidence.items() if bits is not None and bits > 0],
            "differ": [name for name, bits in evidence.items() if bits is not None and bits < 0],
            "unknown": [name for name, bits in evidence.items() if bits is None],
            "evidence": evidence,
            **{side: _record(site, *(row[f"{side}_{at}"] for at in ("dataset", "key", "record")))
               | {"values": values.get((row["entity"], row[f"{side}_dataset"], row[f"{side}_key"]), {})}
               for side in SIDES},
        }  # fmt: skip


def _values(site: Site, rows: pl.DataFrame) -> dict[tuple[str, str, str], dict[str, str]]:
    """By entity, dataset and key the values of a record that are compared, as far as they may be told."""
    both = [rows.select("entity", dataset=f"{side}_dataset", key=f"{side}_key") for side in SIDES]
    told: dict[tuple[str, str, str], dict[str, str]] = {}
    for (name, dataset), group in pl.concat(both).unique().group_by("entity", "dataset"):
        contract = site.dataset(str(dataset))
        path = site.home.ready(contract.name)
        if path.exists():
            shown = _shown(site.project.entities[str(name)], contract)
            found = pl.scan_parquet(path).filter(pl.col(KEY).is_in(group["key"].implode())).collect()
            columns = [as_text(found.schema, field).alias(field) for field in shown if field in found.columns]
            for row in found.select(KEY, *columns).iter_rows(named=True):
                key = row.pop(KEY)
                told[str(name), contract.name, key] = _told(contract, row)
    return told


def _shown(entity: Entity, dataset: Dataset) -> Sequence[str]:
    return [name for name in needed(entity, dataset) if name not in dataset.key][:VALUES_SHOWN]


def _told(dataset: Dataset, row: Mapping[str, str | None]) -> dict[str, str]:
    present = {name: value for name, value in row.items() if value is not None}
    return {name: value if may_tell(dataset.field(name)) else HIDDEN for name, value in present.items()}


def _record(site: Site, dataset: str, key: str, record: str) -> dict[str, str]:
    """A record by its key, or by its id where the key may not be told."""
    contract = site.dataset(dataset)
    return {"dataset": dataset, "key": key if tellable(contract, contract.key) else f"#{record[:ID_SHOWN]}"}


def _golden(site: Site, row: Mapping[str, Any]) -> dict[str, Any]:
    """One field of the golden record, and whose value it is."""
    dataset = site.dataset(row["dataset"])
    known = {field.name: field for field in dataset.fields}
    hidden = row["source_field"] not in known or not may_tell(known[row["source_field"]])
    key = row["key"] if tellable(dataset, dataset.key) else HIDDEN
    return {
        "field": row["field"], "value": HIDDEN if hidden else row["value"], "source": f"{row['dataset']}:{key}",
        "reason": row["reason"], "others": row["others"],
    }  # fmt: skip


def _decisions(site: Site, name: str, records: set[str]) -> Iterator[dict[str, Any]]:
    for one in site.ledger.entity_decisions(name):
        if one.left_id in records or one.right_id in records:
            sides = ((one.left_dataset, one.left_key), (one.right_dataset, one.right_key))
            yield {
                "between": [f"{dataset}:{key or HIDDEN}" for dataset, key in sides],
                "same": one.same, "by": one.by, "reason": one.reason, "at": one.at.isoformat(),
            }  # fmt: skip


def _the_entity(site: Site, wanted: str) -> tuple[str, str]:
    """The declaration's name and the id of the one entity that is meant."""
    dataset, colon, key = wanted.strip().partition(":")
    met = (pl.col("dataset") == dataset) & (pl.col("key") == key)
    if not colon:
        met = pl.col("entity_id").str.starts_with(wanted.strip())
    found: set[tuple[str, str]] = set()
    for name in sorted(site.project.entities):
        ids = _part(site, name, "members").filter(met)["entity_id"]
        found |= {(name, one) for one in ids.unique().to_list()}
    exact = {one for one in found if one[1] == wanted.strip()}
    return _only(exact or found, f"entity {wanted}", "Give its id, or a record as dataset:key.")


def _the_pair(site: Site, wanted: str) -> tuple[str, dict[str, Any]]:
    start = wanted.strip().lower()
    found = []
    for name in sorted(site.project.entities):
        links = _part(site, name, "links").filter(pl.col("pair").str.starts_with(start) & pl.lit(bool(start)))
        found += [(name, row) for row in links.iter_rows(named=True)]
    return _only(found, f"pair {wanted}", "landbridge entities review and show list them.")


def _only(found: Iterable[T], what: str, remedy: str) -> T:
    told = list(found)
    if not told:
        raise DecisionRefused(f"no {what} is known", remedy)
    if len(told) > 1:
        raise DecisionRefused(f"{len(told):,} answer to {what}", "Give more of it.")
    return told[0]
