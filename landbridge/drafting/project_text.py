"""The text of project.yaml and of a source's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.discovering.personal import about_persons
from connectors.discovering.words import one_of
from landbridge.drafting.datasets import DraftDataset
from landbridge.drafting.naming import title
from landbridge.drafting.telling import readable
from landbridge.drafting.yaml_text import entry, scalar

QUESTIONS = 3


def project(name: str, source: str, drafts: Sequence[DraftDataset], questions: Sequence[str]) -> str:
    """project.yaml; `source` is the name of the source, or of several."""
    lines = [
        "# Drafted by `landbridge init`. Next: read datasets/*, then run `landbridge check` and `landbridge run`.",
        f"name: {scalar(name)}",
        *entry("title", title(name)),
        *entry("description", f"{len(drafts)} tables of the source{'s' if ', ' in source else ''} {source}."),
        'schedule: "0 2 * * *"  # every night at two',
        "timeZone: UTC",
    ]
    if questions:
        lines += ["questions:", *(f"  - {scalar(one)}" for one in questions)]
    return "\n".join(lines) + "\n"


def source(name: str, location: str, description: str, variables: Sequence[str]) -> str:
    """sources/<name>.yaml."""
    lines = [f"name: {scalar(name)}", "kind: sql"]
    if variables:
        lines.append(f"# Set {' and '.join(variables)} before `landbridge run`; a password never stands in a file.")
    lines += [
        *entry("location", location),
        *entry("description", description),
        "# owner: who is asked when something is wrong with it",
    ]
    return "\n".join(lines) + "\n"


def files_source(name: str, kind: str, location: str, description: str, settings: Mapping[str, Any]) -> str:
    """sources/<name>.yaml of a folder of files; `settings` were detected, so that they are guesses."""
    lines = [f"name: {scalar(name)}", f"kind: {kind}", *entry("location", location), *entry("description", description)]
    for key, value in settings.items():
        comment = "" if key == "options" else "guess: detected in the files; without it each file is looked at anew"
        lines += entry(key, value, comment=comment)
    lines.append("# owner: who is asked when something is wrong with it")
    return "\n".join(lines) + "\n"


def questions(drafts: Sequence[DraftDataset], by_name: Mapping[str, DraftDataset]) -> list[str]:
    """A few questions that the data can answer, about rows that have an open name and refer to others."""
    able = [one for one in drafts if not about_persons(one.table) and _example(one)]
    able.sort(
        key=lambda one: (-sum(1 for relation in one.relations if _named(relation.dataset, by_name)), -one.table.rows)
    )
    told = []
    for one in able[:QUESTIONS]:
        kind = " ".join(one_of(one.table.name))
        parents = [relation.dataset for relation in one.relations if _named(relation.dataset, by_name)]
        if parents:
            parent = " ".join(one_of(by_name[parents[0]].table.name))
            told.append(f"Which {parent} does the {kind} {_example(one)} belong to?")
        else:
            told.append(f"What do we know about the {kind} {_example(one)}?")
    return told


def _named(dataset: str, by_name: Mapping[str, DraftDataset]) -> bool:
    return dataset in by_name and readable(by_name[dataset]) is not None


def _example(draft: DraftDataset) -> str:
    """A name as an example: the first that is neither very short nor very long."""
    name = readable(draft)
    if name is None:
        return ""
    return next((text for text in name.column.values if 4 <= len(text) <= 40 and text.isprintable()), "")
