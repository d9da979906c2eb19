"""Tell what was asked and not known: questions of visits that found nothing, grouped by what they mean.

A question may hold anything. What is quoted of one is only words that the project itself uses, and words that several
visits used and no hidden field holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from catalog.models import Project
from expectations.question_groups import NUMBER, SMALL, Group, words_of
from ledger import Finding
from ledger.models import EVERYWHERE

RULE = "knowledge-gap"
MOST = 50  # groups told, the most asked first
LONGEST = 160  # characters of a quoted question
HIDDEN = "..."


def vocabulary(project: Project) -> frozenset[str]:
    """The words that the project itself uses: names and titles of its datasets and fields."""
    texts = [project.name, project.title]
    for dataset in project.datasets.values():
        texts += [dataset.name, dataset.title, dataset.domain]
        texts += [text for field in dataset.fields for text in (field.name, field.title)]
    return frozenset(word for text in texts for word in words_of(text.replace("_", " ")))


def shared_words(groups: Iterable[Group]) -> frozenset[str]:
    """The words of unanswered questions that at least two visits used, and that are not small."""
    visits: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        for one in group.asked:
            for word in words_of(one.question):
                visits[word].add(one.session_id)
    return frozenset(word for word, seen in visits.items() if len(seen) > 1) - SMALL - {NUMBER}


def knowledge_gaps(groups: Sequence[Group], project: Project, *, told: Collection[str]) -> list[Finding]:
    """One finding for each group, `knowledge-gap/<id>`; `told` holds the words that may be quoted.

    More than 50 groups are counted.
    """
    shown = {*told, *vocabulary(project), *SMALL, NUMBER}
    found = [_finding(group, project, shown) for group in groups[:MOST]]
    more = groups[MOST:]
    if more:
        count = sum(len(group.asked) for group in more)
        message = f"{count:,} questions of {len(more):,} further kinds found nothing."
        found.append(_gap(f"{RULE}/more", EVERYWHERE, count, message, {"groups": len(more)}, owner=""))
    return found


def _finding(group: Group, project: Project, shown: Collection[str]) -> Finding:
    asked = group.asked
    visits = len({one.session_id for one in asked})
    callers = len({one.caller for one in asked if one.caller})
    example = _quoted(group.typical, shown)
    dataset = group.dataset if group.dataset in project.datasets else EVERYWHERE
    where = "" if dataset == EVERYWHERE else f" in '{dataset}'"
    about = f" about {group.things:,} things" if group.things > 1 else ""
    message = (
        f"{len(asked):,} question{'s' if len(asked) > 1 else ''}{about} in {visits:,} visit{'s' if visits > 1 else ''} "
        f'found nothing{where}, the last on {asked[0].at:%Y-%m-%d}: "{example}".'
    )
    evidence = {"example": example, "wordings": group.wordings, "grouped_by": group.grouped_by, "visits": visits,
                **({"callers": callers} if callers else {}), **({"things": group.things} if about else {}),
                "first_asked": asked[-1].at.isoformat(), "last_asked": asked[0].at.isoformat()}  # fmt: skip
    owner = "" if dataset == EVERYWHERE else project.datasets[dataset].owner
    return _gap(f"{RULE}/{group.id}", dataset, len(asked), message, evidence, owner=owner)


def _gap(rule: str, dataset: str, count: int, message: str, evidence: Mapping[str, object], *, owner: str) -> Finding:
    return Finding(
        rule=rule, dataset=dataset, stage="gaps", severity="warning", count=count, unit="questions", message=message,
        evidence=dict(evidence), owner=owner,
        remedy="Bring in the records that answer it, or let a document tell them; it closes when it is answered, or "
        "when nobody has asked for 90 days.",
    )  # fmt: skip


def _quoted(question: str, shown: Collection[str]) -> str:
    """A question without the words that may not be told; what stands between words is left out, too."""
    told: list[str] = []
    for word in words_of(question):
        one = word if word in shown else HIDDEN
        if one != HIDDEN or told[-1:] != [HIDDEN]:
            told.append(one)
    return " ".join(told)[:LONGEST]
