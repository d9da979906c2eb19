"""Write suggested gap rules into the contracts of a project, and prove that it loads and judges them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import groupby

import polars as pl

import expectations
from catalog.errors import LandbridgeError, Refusal
from catalog.home import Home
from catalog.loader import load_project
from catalog.models import Project
from expectations.suggesting import Suggestion
from landbridge import show
from landbridge.drafting.gap_merging import AddedRule, with_gap_rules
from landbridge.drafting.proposing import FileChange
from landbridge.drafting.writing import write
from landbridge.gap_suggestions import report_of

SURE = 0.95  # confidence from which on rules are written that nobody named


def chosen(
    found: Sequence[Suggestion], *, only: Sequence[str] = (), confidence: float | None = None, writing: bool = False
) -> list[Suggestion]:
    """The suggestions that were named, else those of at least `confidence`. Refusal for an id that is not suggested."""
    ids = [one.id for one in found]
    for name in only:
        if name not in ids:
            like = get_close_matches(name, ids, n=1)
            raise Refusal(f"--only {name}: no such suggestion", f"Did you mean {like[0]}?" if like else
                          "landbridge gaps --suggest --json tells the ids.")  # fmt: skip
    least = confidence if confidence is not None else SURE if writing and not only else 0.0
    return [one for one in found if one.confidence >= least and (not only or one.id in only)]


def changes(project: Project, rules: Sequence[Suggestion]) -> list[FileChange]:
    """The contracts as they would be, with a comment above each rule that says why it stands there."""
    told = []
    for name, group in groupby(rules, key=lambda one: one.dataset):
        file = project.datasets[name].place.file
        before = (project.folder / file).read_bytes().decode("utf-8-sig")
        added = [AddedRule(one.rule, (f"suggestion: {one.reason}", report_of(one))) for one in group]
        told.append(FileChange(file, before, with_gap_rules(before, added)))
    return told


def write_judged(project: Project, files: Sequence[FileChange], rules: Sequence[Suggestion]) -> None:
    """Write all files, load the project and judge the rules; where that fails, what stood there is put back.

    Raises Refusal, also for a file that changed since it was read.
    """
    if not files:
        return
    write(project.folder, files)
    try:
        _judge(load_project(project.folder), rules)
    except LandbridgeError as error:
        write(project.folder, [FileChange(one.file, one.after, one.before or "") for one in files])
        raise Refusal(f"nothing was written: with the new rules, {error}", "Choose other rules by --only.") from error


def _judge(project: Project, rules: Sequence[Suggestion]) -> None:
    """Evaluate the written rules over the ready rows; Refusal names those that are absent or cannot be judged."""
    names = {(one.dataset, str(one.rule["name"])) for one in rules}
    bare = {
        name: one.model_copy(
            update={"gap_rules": tuple(rule for rule in one.gap_rules if (name, rule.name) in names)}
        )
        for name, one in project.datasets.items()
    }  # fmt: skip
    there = {(name, rule.name) for name, one in bare.items() for rule in one.gap_rules}
    home = Home.of(project.folder)
    frames = {name: pl.scan_parquet(home.ready(name)) for name in bare if home.ready(name).exists()}
    judged = expectations.gaps(project.model_copy(update={"datasets": bare}), frames).findings
    failed = {f"{one.dataset}/{one.rule}" for one in judged if one.evidence.get("status") == "not evaluated"}
    failed |= {f"{dataset}/{name}" for dataset, name in names - there}
    if failed:
        raise Refusal(f"{', '.join(sorted(failed))} cannot be judged", "")


def tell(files: Sequence[FileChange], rules: Sequence[Suggestion], *, left: int, written: bool) -> None:
    """The diff, what it adds, and what to do next."""
    for change in files:
        show.line(change.diff.rstrip("\n"))
    for one in rules:
        show.line(f"new rule: {one.id} ({one.confidence:.3f}): {report_of(one)}")
    if left:
        show.line(f"{left} further suggestions were not chosen: --only ID, or a lower --confidence")
    if not files:
        show.line("nothing to write")
    elif written:
        show.line(f"wrote {len(rules)} rules into {len(files)} files; they load, each was judged; next: landbridge run")
    else:
        show.line(f"nothing written: {len(files)} files would be; repeat it with --write")
