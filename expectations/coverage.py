"""Entities that one system promises and others do not know: who is in which combination of systems."""

from __future__ import annotations

from typing import Any

import polars as pl

from catalog.models import Dataset, Field, GapRule
from expectations.across import Seen, Systems, gap, keyed, keys, may_quote, of_rows, sampled
from expectations.disclosure import HIDDEN, tellable, told_rows
from expectations.portions import Rows
from expectations.wording import as_text, label, listed

COMBINATIONS = 20  # of systems in the evidence, those with most entities
EXAMPLES = 5  # rows in the evidence


def missing_entity(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """Entities of this dataset, in the rows that `where` keeps, that one of the `systems` does not know.

    One finding per system, `<rule>/<system>`, each with the matrix of all. A row without a whole key names no entity.
    """
    entities = _promised(rule, dataset, systems.frames[dataset.name])
    registers = _registers(rule)
    for name, fields in registers.items():
        register = systems.frames[name]
        ours, theirs, on = keyed(entities.schema, register.schema, list(zip(rule.fields, fields, strict=True)))
        known = keys(register, theirs, on)
        known = known.with_columns(pl.lit(True).alias(_flag(name)))
        entities = ours(entities).join(known, on=on, how="left", maintain_order="left").drop(on)
    entities = entities.with_columns(pl.col(_flag(name)).fill_null(False) for name in registers)
    matrix = _matrix(entities, list(registers))
    seen = Seen()
    for name, fields in registers.items():
        lost = entities.filter(~pl.col(_flag(name)))
        if not lost.is_empty():
            _tell(rule, dataset, systems.dataset(name), fields, entities.height, lost, matrix, seen)
    return seen


def _flag(system: str) -> str:
    return f"_in.{system}"


def _registers(rule: GapRule) -> dict[str, list[str]]:
    """The systems, each with the fields that name the entity there."""
    told: dict[str, list[str]] = {}
    for name, field in rule.systems:
        told.setdefault(name, []).append(field)
    return told


def _promised(rule: GapRule, dataset: Dataset, frame: Rows) -> pl.DataFrame:
    """The first row of each entity that is promised."""
    scopes = [_in_scope(dataset.field(name), values) for name, values in rule.where.items()]
    kept = pl.all_horizontal(scopes) if scopes else pl.lit(True)
    if scopes and not frame.scan.select(kept.any()).collect(engine="streaming").item():
        raise ValueError(f"no row has what 'where' says of {listed(list(rule.where))}, so no entity is promised")
    entities = frame.first(lambda rows: rows.filter(kept).drop_nulls(rule.fields), rule.fields)
    if entities.is_empty():
        raise ValueError(f"no row that is kept has a {listed(rule.fields)}, so no entity is promised")
    return entities


def _in_scope(field: Field, values: tuple[str, ...]) -> pl.Expr:
    """Numbers by their value, everything else by its text, as `landbridge.keep` reads them."""
    if field.type in ("integer", "number"):
        numbers = pl.Series(values).cast(pl.Float64, strict=False).drop_nulls()
        return pl.col(field.name).cast(pl.Float64).is_in(numbers.to_list())
    return pl.col(field.name).cast(pl.String).is_in(list(values))


def _matrix(entities: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """How many entities are in which combination of systems, the largest first."""
    flags = [_flag(name) for name in names]
    return entities.group_by(flags).len("_entities").sort(["_entities", *flags], descending=True)


def _told_matrix(matrix: pl.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    return [
        {"in": [name for name in names if row[_flag(name)]], "not_in": [name for name in names if not row[_flag(name)]],
         "entities": row["_entities"]}
        for row in matrix.head(COMBINATIONS).to_dicts()
    ]  # fmt: skip


def _tell(rule: GapRule, dataset: Dataset, system: Dataset, fields: list[str], promised: int, lost: pl.DataFrame,
          matrix: pl.DataFrame, seen: Seen) -> None:  # fmt: skip
    where = {name: list(values) if tellable(dataset, [name]) else [HIDDEN] for name, values in rule.where.items()}
    evidence: dict[str, Any] = {
        "fields": list(rule.fields),
        "system": [f"{system.name}.{field}" for field in fields],
        "where": where,
        "promised": promised,
        "share": lost.height / promised,
        "matrix": _told_matrix(matrix, list(_registers(rule))),
        "combinations": matrix.height,
        "rows": told_rows(lost, dataset, [*rule.fields, *rule.where, *dataset.key], limit=EXAMPLES),
    }
    kept = " with " + listed([f"{name} {' or '.join(values)}" for name, values in where.items()]) if where else ""
    message = (
        f"{lost.height:,} of {promised:,} entities of {dataset.name} by {listed(rule.fields)}{kept} "
        f"are not in {listed(evidence['system'])}."
    )
    name = f"{rule.name}/{system.name}"
    seen.findings.append(gap(rule, dataset, name=name, count=lost.height, unit="entities", message=message,
                             evidence=evidence, sample_keys=sampled(lost, dataset, rule.fields)))  # fmt: skip
    if may_quote(system, fields, dataset, rule.fields):
        what = " and ".join(label(dataset, field) for field in rule.fields)
        value = pl.concat_str([as_text(lost.schema, field) for field in rule.fields], separator=", ")
        sentence = pl.format("{} {} is not in {}.", pl.lit(what), value, pl.lit(system.title))
        seen.known.append(of_rows(lost, dataset, name, about=", ".join(rule.fields), sentence=sentence))
