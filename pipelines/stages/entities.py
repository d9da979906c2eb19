"""Find which rows of several systems are one thing, and choose the values it is known by; no row is changed or merged.

Deterministic keys link first, then probabilities; what lies between the thresholds waits for a person, whose word the
next run carries out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from catalog.entity_models import Entity
from catalog.fingerprint import code_fingerprint
from catalog.models import Dataset
from index.masking import pseudonyms
from ledger import Finding
from pipelines.check_pages import as_json
from pipelines.entity_decisions import pair_ids, said
from pipelines.progress import tell
from pipelines.row_identity import key_mark, row_ids
from pipelines.site import Site, one_at_a_time
from pipelines.standing import stopping
from pipelines.store import file_fingerprint, fingerprint, read_json, write_frame, write_json

PARTS: tuple[Literal["links", "members", "golden"], ...] = ("links", "members", "golden")
MEMBER_SCHEMA = {"entity_id": pl.String, "dataset": pl.String, "key": pl.String, "record": pl.String, "told": pl.String}


@dataclass(frozen=True)
class Entities:
    """What a run knows of every entity: counts by name, the open findings, and whether anything was done."""

    counts: Mapping[str, Mapping[str, int]]
    findings: tuple[Finding, ...]
    changed: bool


@one_at_a_time
def resolve_entities(site: Site, *, run_id: str) -> Entities:
    """Link the ready rows of every entity of the project; an entity behind which nothing changed is left as it is."""
    made = {name: _resolved(site, entity) for name, entity in sorted(site.project.entities.items())}
    findings = [Finding.model_validate(one) for manifest, _ in made.values() for one in manifest["findings"]]
    _record(site, findings, run_id=run_id)
    counts = {name: manifest["counts"] for name, (manifest, _) in made.items()}
    return Entities(counts, tuple(findings), changed=any(changed for _, changed in made.values()))


def close_entities(site: Site, *, run_id: str) -> None:
    """Close what is open about entities where the project declares none any more; the caller holds the lock."""
    if not site.project.entities:
        _record(site, [], run_id=run_id)


def _record(site: Site, findings: Sequence[Finding], *, run_id: str) -> None:
    """Write the findings of each dataset into the ledger where they differ from those that are open."""
    opened = site.ledger.findings(stage="entities")
    for name in sorted({one.dataset for one in (*findings, *opened)} & set(site.project.datasets)):
        if stopping(site, name):
            continue  # what is known of it stays as of its last good run
        before, now = (_of(found, name) for found in (opened, findings))
        if as_json(before) != as_json(now):
            site.ledger.record_findings(run_id, name, "entities", now, site.clock())


def _of(findings: Sequence[Finding], dataset: str) -> list[Finding]:
    return sorted((one for one in findings if one.dataset == dataset), key=lambda one: one.rule)


def _resolved(site: Site, entity: Entity) -> tuple[dict[str, Any], bool]:
    """The manifest of an entity, and whether it was made anew."""
    home = site.home
    path = home.entity(entity.name, "links").with_name("manifest.json")
    decisions, key = site.ledger.entity_decisions(entity.name), site.mask_key()
    marks = [
        (site.dataset(name).fingerprint, read_json(home.manifest("ready", name)).get("fingerprint", ""))
        for name in entity.datasets
    ]
    code = code_fingerprint("catalog", "expectations", "pipelines")
    declared = entity.model_dump_json(exclude={"place"})
    memo = fingerprint(declared, marks, len(decisions), key_mark(key), code)
    manifest = read_json(path)
    if manifest.get("memo") == memo and manifest["files"] == _files(site, entity):
        return manifest, False
    tell("entities", entity.name, 0, 1)
    manifest = {"memo": memo, **_made(site, entity, key), "checked_at": site.clock().isoformat()}
    write_json(manifest | {"files": _files(site, entity)}, path)
    tell("entities", entity.name, 1, 1)
    return manifest, True


def _files(site: Site, entity: Entity) -> dict[str, str]:
    paths = {part: site.home.entity(entity.name, part) for part in PARTS}
    return {part: file_fingerprint(path) for part, path in paths.items() if path.exists()}


def _made(site: Site, entity: Entity, key: bytes) -> dict[str, Any]:
    """Resolve an entity and write what came of it; the counts and findings for its manifest."""
    from expectations.linking.entity_findings import entity_findings
    from expectations.linking.entity_names import BEFORE, named
    from expectations.linking.golden import golden_record
    from expectations.linking.resolving import resolve

    datasets = {name: site.dataset(name) for name in entity.datasets}
    frames = _frames(site, entity, datasets)
    records = _records(frames, datasets, key)
    told = said(site.ledger.entity_decisions(entity.name), records, key)
    found = resolve(entity, datasets, frames, words=told.words)
    path = site.home.entity(entity.name, "members")
    before = pl.read_parquet(path, columns=list(BEFORE)) if path.exists() else pl.DataFrame(schema=BEFORE)
    grouped = found.records.join(records, on=["dataset", "key"], how="left", maintain_order="left")
    members = named(grouped, before, entity=entity.name).select(*MEMBER_SCHEMA)
    links = _paired(found.links, records)
    write_frame(links, site.home.entity(entity.name, "links"))
    write_frame(members.sort("dataset", "key"), path)
    write_frame(golden_record(entity, members, frames), site.home.entity(entity.name, "golden"))
    findings = entity_findings(
        entity, found, links=links, members=members, foreign=told.foreign, unused=told.absent + found.unused
    )
    return {
        "counts": _counts(links, members, compared=found.compared),
        "findings": [one.model_dump(mode="json") for one in findings],
    }


def _frames(site: Site, entity: Entity, datasets: Mapping[str, Dataset]) -> dict[str, pl.DataFrame]:
    """The ready rows of the members, as far as linking and the golden record read them."""
    from expectations.linking.planning import needed

    frames = {}
    for name, dataset in datasets.items():
        path = site.home.ready(name)
        if path.exists():
            columns = ["_key", "_location", "_position", *needed(entity, dataset)]
            frames[name] = pl.read_parquet(path, columns=columns)
    return frames


def _records(frames: Mapping[str, pl.DataFrame], datasets: Mapping[str, Dataset], key: bytes) -> pl.DataFrame:
    """Every record: `dataset`, `key`, its id `record`, and the key `told`, as URNs name it."""
    schema = {name: MEMBER_SCHEMA[name] for name in ("dataset", "key", "record", "told")}
    parts = [pl.DataFrame(schema=schema)]
    for name, frame in frames.items():
        keys = frame["_key"]
        masked = any(datasets[name].field(field).mask for field in datasets[name].key)
        told = pseudonyms(keys, "key", key) if masked else keys
        ids = row_ids(frame, datasets[name], key)
        parts.append(pl.DataFrame({"dataset": [name] * len(keys), "key": keys, "record": ids, "told": told}))
    return pl.concat(parts)


def _paired(links: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Links with `pair`, the name by which a person speaks of them."""
    for side in ("left", "right"):
        ids = records.select(
            pl.col("dataset").alias(f"{side}_dataset"), pl.col("key").alias(f"{side}_key"),
            pl.col("record").alias(f"_{side}"),
        )  # fmt: skip
        links = links.join(ids, on=[f"{side}_dataset", f"{side}_key"], how="left", maintain_order="left")
    named = links.insert_column(0, pair_ids(links["_left"], links["_right"]))
    return named.rename({"_left": "left_record", "_right": "right_record"})


def _counts(links: pl.DataFrame, members: pl.DataFrame, *, compared: int) -> dict[str, int]:
    sizes = members.group_by("entity_id").len("records")
    linked = links.filter(pl.col("decision") == "link")
    return {
        "records": members.height,
        "entities": sizes.height,
        "linked_entities": sizes.filter(pl.col("records") > 1).height,
        "largest": max(sizes["records"].to_list(), default=0),
        **{f"by_{way}": linked.filter(pl.col("way") == way).height for way in ("key", "match", "decision")},
        "review": links.filter(pl.col("decision") == "review").height,
        "refused": links.filter(pl.col("decision") == "no").height,
        "compared": compared,
    }
