"""References that lead nowhere: values that name a record of another system which that system does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from catalog.models import Dataset, GapRule
from expectations.across import Seen, Systems, gap, keyed, keys, may_quote, of_rows, of_values, sampled, unanswered
from expectations.disclosure import tellable, told_rows
from expectations.unnamed import settled, unnamed
from expectations.wording import as_text, label, listed, rows_of
from expectations.wording import rows as rows_text

TOP = 10  # missing keys with their counts in the evidence
EXAMPLES = 5  # rows in the evidence


def missing_reference(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    """Rows whose reference no row of the other dataset answers, and, backward, rows there that no row here names.

    A row without a reference names nobody. A row younger than `lateness`, measured against the newest one of its frame,
    is no gap yet: what it refers to may still arrive.
    """
    forward = _forward(rule, dataset, systems) if rule.direction != "backward" else Seen()
    backward = unnamed(rule, dataset, systems) if rule.direction != "forward" else Seen()
    return Seen([*forward.findings, *backward.findings], [*forward.known, *backward.known])


def _forward(rule: GapRule, dataset: Dataset, systems: Systems) -> Seen:
    frame, other = systems.frames[dataset.name], systems.frames[rule.to_dataset]
    pairs = list(zip(rule.fields, rule.to_fields, strict=True))
    ours, theirs, on = keyed(frame.schema, other.schema, pairs)
    unknown, referring = unanswered(frame, ours, keys(other, theirs, on))
    lost = settled(unknown, frame, rule.late_from, rule.lateness)
    if lost.is_empty():
        return Seen()
    fields = list(rule.fields)
    lost_keys = lost.group_by(fields).len("_rows").sort(["_rows", *fields], descending=[True, *[False] * len(fields)])
    elsewhere = {f"{name}.{their}": _known_elsewhere(lost_keys, rule, dataset, systems, name, their)
                 for name, their in rule.also_in}  # fmt: skip
    to = [f"{rule.to_dataset}.{name}" for name in rule.to_fields]
    evidence: dict[str, Any] = {
        "fields": fields,
        "to": to,
        "referring_rows": referring,
        "share": lost.height / referring,
        "distinct_keys": lost_keys.height,
        "rows": told_rows(lost, dataset, [*fields, *dataset.key], limit=EXAMPLES),
    }
    if rule.late_from:
        evidence |= {"late_from": rule.late_from, "lateness": rule.lateness, "awaited": unknown.height - lost.height}
    if tellable(dataset, fields):
        evidence["top_keys"] = _top(lost_keys, fields)
    if elsewhere:
        evidence["known_elsewhere"] = {name: told for name, (told, _) in elsewhere.items()}
    message = (
        f"{rows_text(lost.height)} of {referring:,} have a {listed(fields)} that {listed(to)} lacks: "
        f"{lost_keys.height:,} different {'value' if lost_keys.height == 1 else 'values'}."
    )
    samples = sampled(lost_keys if tellable(dataset, fields) else lost, dataset, fields)
    finding = gap(rule, dataset, count=lost.height, message=message, evidence=evidence, sample_keys=samples)
    knowing = {name: frame for name, (_, frame) in elsewhere.items()}
    return Seen([finding], _sentences(rule, dataset, systems, lost, lost_keys, knowing))


def _place(dataset: Dataset, fields: Sequence[str]) -> str:
    """`Aircraft registry (aircraft.tail_number)`; a title that holds a bracket stands alone."""
    return (
        dataset.title
        if "(" in dataset.title
        else f"{dataset.title} ({listed([f'{dataset.name}.{name}' for name in fields])})"
    )


def _top(keys: pl.DataFrame, fields: list[str]) -> list[dict[str, Any]]:
    texts = [as_text(keys.schema, name) for name in fields]
    key = pl.concat_str(texts, separator="|").alias("key")
    return keys.head(TOP).select(key, pl.col("_rows").alias("rows")).to_dicts()


def _known_elsewhere(
    keys: pl.DataFrame, rule: GapRule, dataset: Dataset, systems: Systems, name: str, their: str
) -> tuple[dict[str, Any], pl.DataFrame]:
    """What a further register knows of the missing keys, and its rows for them, with our value beside."""
    if name not in systems.frames or not systems.frames[name].height:
        return {"unknown": f"there are no ready rows of '{name}'"}, pl.DataFrame()
    register = systems.dataset(name)
    ours, theirs, on = keyed(keys.schema, systems.frames[name].schema, [(rule.fields[0], their)])
    asked = ours(keys).select(*on, pl.col(rule.fields[0]).alias("_ours"), "_rows")
    told_of = systems.frames[name].first(
        lambda rows: theirs(rows).join(asked, on=on, how="semi", maintain_order="left"), on
    )
    known = told_of.join(asked, on=on, how="inner", maintain_order="right")
    told: dict[str, Any] = {"count": known.height, "of": keys.height}
    if tellable(register, [their]) and tellable(dataset, rule.fields):
        told["keys"] = list(sampled(known, register, [their]))
        told["says"] = told_rows(known, register, [field.name for field in register.fields], limit=EXAMPLES)
    return told, known


def _sentences(
    rule: GapRule,
    dataset: Dataset,
    systems: Systems,
    lost: pl.DataFrame,
    keys: pl.DataFrame,
    knowing: dict[str, pl.DataFrame],
) -> list[pl.DataFrame]:
    other, about = systems.dataset(rule.to_dataset), ", ".join(rule.fields)
    fields = list(rule.fields)
    if not may_quote(other, rule.to_fields, dataset, fields):
        return []
    what = " and ".join(label(dataset, name) for name in fields)
    where = _place(other, rule.to_fields)
    value = pl.concat_str([as_text(lost.schema, name) for name in fields], separator=", ")
    here = pl.format("{} {} has no record in {}", pl.lit(what), value, pl.lit(where))
    known = keys.with_columns(_elsewhere(keys, rule, dataset, systems, knowing).alias("_elsewhere"))
    rows = lost.join(known.select(*fields, "_elsewhere"), on=fields, how="left", maintain_order="left")
    told = [of_rows(rows, dataset, rule.name, about=about, sentence=here + "." + pl.col("_elsewhere"))]
    if len(fields) == 1 and dataset.key != rule.fields:  # a record's own key is told with its row
        named = pl.format(", though {} of {} name it.", rows_of("_rows"), pl.lit(dataset.title))
        named = pl.when(pl.col("_rows") == 1).then(named.str.replace("name it", "names it")).otherwise(named)
        sentence = here + named + pl.col("_elsewhere")
        told.append(of_values(known, dataset, rule.name, about=fields[0], sentence=sentence))
    return [*told, *_on_the_other_side(rule, dataset, systems, where, knowing)]


def _elsewhere(
    keys: pl.DataFrame, rule: GapRule, dataset: Dataset, systems: Systems, knowing: dict[str, pl.DataFrame]
) -> pl.Expr:
    """` The Facilities master knows it (facilities.code).` for the keys that a further register holds."""
    parts = [pl.lit("")]
    for (name, their), rows in zip(rule.also_in, knowing.values(), strict=True):
        if rows.is_empty() or not may_quote(systems.dataset(name), [their], dataset, rule.fields):
            continue
        holds = keys[rule.fields[0]].is_in(rows["_ours"].implode())
        text = f" {_place(systems.dataset(name), [their])} knows it."
        parts.append(pl.when(pl.lit(holds)).then(pl.lit(text)).otherwise(pl.lit("")))
    return pl.concat_str(parts)


def _on_the_other_side(
    rule: GapRule, dataset: Dataset, systems: Systems, where: str, knowing: dict[str, pl.DataFrame]
) -> list[pl.DataFrame]:
    """The further register's own documents say that the first one lacks the record."""
    told = []
    for (name, their), rows in zip(rule.also_in, knowing.values(), strict=True):
        register = systems.dataset(name)
        if rows.is_empty() or not may_quote(dataset, rule.fields, register, [their]):
            continue
        value = as_text(rows.schema, their)
        sentence = pl.format(
            "{} {} stands in {} of {}, but has no record in {}.",
            pl.lit(label(register, their)), value, rows_of("_rows"), pl.lit(dataset.title), pl.lit(where),
        )  # fmt: skip
        told.append(of_rows(rows, register, rule.name, about=their, sentence=sentence))
    return told
