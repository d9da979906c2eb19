"""Tell what became of the rules of a contract: which are new, gone, tighter, or let pass what they did not before.

What cannot be shown to be tighter counts as looser: of two patterns nobody can say which one allows more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any, Literal, TypeAlias

from catalog.change import Change, as_text, canonical, moved, plain
from catalog.models import Dataset, GapRule, Place, Rule

Direction: TypeAlias = Literal["same", "tighter", "looser"]
Pair: TypeAlias = tuple[Rule | None, Rule | None]

_LIMITS = ("range", "length", "row_count")
_STRICTEST = {"report": 0, "quarantine": 1, "block": 1}  # whether a reader may meet what breaks the rule
_SETTLING = ("system_of_record", "changed", "their_changed")  # of a conflict: who wins, not what is found
_TOLD = ("title", "severity", "owner", "remedy")  # of a gap rule: how it is told, not what it finds


def rule_changes(before: Dataset, after: Dataset, *, renamed: Mapping[str, str]) -> Iterator[Change]:
    """What became of the quality rules; `renamed` leads from old names of fields to new ones."""
    places = {field.name: field.place for field in after.fields}
    old = [_renamed(rule, renamed) for rule in before.rules if not _told_by_fields(rule, before)]
    old = [rule for rule in old if rule.field is None or rule.field in places]  # a field that is gone is told itself
    new = [rule for rule in after.rules if not _told_by_fields(rule, after)]
    for was, now in _paired(old, new):
        if now is None and was is not None:
            place = places.get(was.field or "", after.place)
            yield _gone("rule_removed", was.name, _promise(was), place)
        elif was is None and now is not None:
            yield _new("rule_added", now.name, _promise(now), now.place)
        elif was is not None and now is not None:
            yield from _rule_change(was, now)


def gap_rule_changes(before: Dataset, after: Dataset, *, renamed: Mapping[str, str]) -> Iterator[Change]:
    """What became of the gap rules, known by their names."""
    old = {rule.name: _gap_rule_renamed(rule, renamed) for rule in before.gap_rules}
    new = {rule.name: rule for rule in after.gap_rules}
    for name, rule in old.items():
        if name not in new:
            yield _gone("gap_rule_removed", name, rule.kind, after.place)
        elif canonical(rule) != canonical(new[name]):
            yield _gap_rule_change(rule, new[name])
    for name, rule in new.items():
        if name not in old:
            yield _new("gap_rule_added", name, rule.kind, rule.place)


def _gone(kind: Literal["rule_removed", "gap_rule_removed"], name: str, promise: str, place: Place) -> Change:
    sentence = f"the {_word(kind)} '{name}' is removed: {promise} is no longer checked."
    return Change(kind=kind, subject=name, before=promise, breaking=True, sentence=sentence, place=place)


def _new(kind: Literal["rule_added", "gap_rule_added"], name: str, promise: str, place: Place) -> Change:
    sentence = f"the {_word(kind)} '{name}' is added: {promise} is checked."
    return Change(kind=kind, subject=name, after=promise, sentence=sentence, place=place)


def _word(kind: str) -> str:
    return "gap rule" if kind.startswith("gap") else "rule"


def _told_by_fields(rule: Rule, dataset: Dataset) -> bool:
    """Whether a rule only repeats what a field or the key says of itself, which is compared there."""
    if rule.kind == "unique" and rule.name == "primary-key":
        return tuple(rule.arguments["fields"]) == dataset.key
    if rule.kind != "not_null" or rule.name != f"{rule.field}-required" or rule.tolerance is not None:
        return False
    return any(one.name == rule.field and (one.required or one.key_position is not None) for one in dataset.fields)


def _renamed(rule: Rule, renamed: Mapping[str, str]) -> Rule:
    arguments = dict(rule.arguments)
    if rule.kind in ("unique", "functional_dependency"):
        arguments["fields"] = [renamed.get(name, name) for name in arguments["fields"]]
    field = renamed.get(rule.field, rule.field) if rule.field is not None else None
    return rule.model_copy(update={"field": field, "arguments": arguments})


def _gap_rule_renamed(rule: GapRule, renamed: Mapping[str, str]) -> GapRule:
    """The rule with its own dataset's fields as the new contract calls them."""
    named = {name: renamed.get(one, one) for name in ("field", "late_from", "changed") if (one := getattr(rule, name))}
    lists = {name: tuple(renamed.get(one, one) for one in getattr(rule, name)) for name in ("fields", "per")}
    pairs = {
        "where": {renamed.get(name, name): values for name, values in rule.where.items()},
        "on": tuple((renamed.get(ours, ours), theirs) for ours, theirs in rule.on),
        "compare": tuple(one.model_copy(update={"field": renamed.get(one.field, one.field)}) for one in rule.compare),
    }
    return rule.model_copy(update=named | lists | pairs)


def _paired(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Pair]:
    """Each rule with the one that took its place: by what it promises, else by its name, else by what it is about."""
    left, right = list(old), list(new)
    marks: tuple[Callable[[Rule], str | None], ...] = (_substance, _title, _topic)
    for mark in marks:
        waiting: dict[str, list[Rule]] = {}
        for rule in right:
            waiting.setdefault(mark(rule) or "", []).append(rule)
        for rule in list(left):
            alike = waiting.get(mark(rule) or "") if mark(rule) is not None else None
            if alike:
                found = alike.pop(0)
                left.remove(rule)
                right.remove(found)
                yield rule, found
    yield from ((rule, None) for rule in left)
    yield from ((None, rule) for rule in right)


def _substance(rule: Rule) -> str:
    return canonical([rule.kind, rule.field, rule.arguments, rule.tolerance, rule.action])


def _title(rule: Rule) -> str:
    return canonical([rule.kind, rule.name])


def _topic(rule: Rule) -> str | None:
    """Two expectations or queries need not be about the same thing; two ranges of one field are."""
    return None if rule.kind in ("expectation", "sql", "custom") else canonical([rule.kind, rule.field])


def _rule_change(was: Rule, now: Rule) -> Iterator[Change]:
    directions = [_arguments(was, now), _tolerance(was, now), _action(was, now)]
    if set(directions) == {"same"}:
        if canonical(was) != canonical(now):
            sentence = f"the rule '{now.name}' is named, described or graded anew, and checks the same."
            yield Change(kind="rule_described", subject=now.name, sentence=sentence, place=now.place)
        return
    looser = "looser" in directions
    before, after = _promise(was), _promise(now)
    means = "it may let pass what it did not before" if looser else "it lets nothing new pass"
    yield Change(
        kind="rule_loosened" if looser else "rule_tightened", subject=now.name, before=before, after=after,
        breaking=looser, sentence=f"the rule '{now.name}' changes {moved(before, after)}: {means}.", place=now.place,
    )  # fmt: skip


def _promise(rule: Rule) -> str:
    """A rule in one line: `in_set {"values": ["a"]} of 'state', report`."""
    arguments = as_text({name: one for name, one in rule.arguments.items() if one is not None})
    told = " ".join(filter(None, (rule.kind, arguments, f"of '{rule.field}'" if rule.field else "")))
    told += f" in all but {rule.tolerance:.4%} of the rows" if rule.tolerance is not None else ""
    return told if rule.action == "quarantine" else f"{told}, {rule.action}"


def _action(was: Rule, now: Rule) -> Direction:
    before, after = _STRICTEST[was.action], _STRICTEST[now.action]
    return "same" if before == after else "tighter" if after > before else "looser"


def _tolerance(was: Rule, now: Rule) -> Direction:
    """A rule that names the rows that break it keeps them from readers; one with a share lets that share pass."""
    before, after = (-1.0 if one.tolerance is None else one.tolerance for one in (was, now))
    return "same" if before == after else "tighter" if after < before else "looser"


def _arguments(was: Rule, now: Rule) -> Direction:
    before, after = (plain(rule.arguments) for rule in (was, now))
    if _has_limits(now) and all(before.get(key) == after.get(key) for key in ("query", "type")):
        return _limits(before, after)
    if now.kind == "in_set":
        return _subset(before["values"], after["values"])
    if now.kind == "unique":  # the fewer fields must differ, the more is promised
        return _subset(before["fields"], after["fields"])
    if now.kind == "expectation":
        before, after = (one | {"kwargs": {**one["kwargs"], "mostly": None}} for one in (before, after))
    return "same" if canonical(before) == canonical(after) else "looser"


def _has_limits(rule: Rule) -> bool:
    """Whether a rule is a minimum and a maximum, of values, of lengths, or of a number that is counted."""
    return rule.kind in _LIMITS or rule.kind == "sql"


def _subset(before: Sequence[Any], after: Sequence[Any]) -> Direction:
    old, new = ({canonical(one) for one in values} for values in (before, after))
    return "same" if old == new else "tighter" if new < old else "looser"


def _limits(before: Mapping[str, Any], after: Mapping[str, Any]) -> Direction:
    least = _end(before.get("min"), after.get("min"), tighter=1)
    most = _end(before.get("max"), after.get("max"), tighter=-1)
    return "looser" if "looser" in (least, most) else "tighter" if "tighter" in (least, most) else "same"


def _end(before: Any, after: Any, *, tighter: int) -> Direction:
    """How one end moved; an end that cannot be compared may have let something pass."""
    if before == after:
        return "same"
    if before is None or after is None:
        return "tighter" if before is None else "looser"
    first, then = _point(before), _point(after)
    try:
        if first == then:
            return "same"
        return "tighter" if (then > first) == (tighter > 0) else "looser"
    except TypeError:  # a moment with a time zone and one without; a date and a time
        return "looser"


def _point(value: Any) -> Any:
    """A limit as something that has an order: a number, a moment, a time of day."""
    for read in (datetime.fromisoformat, time.fromisoformat):
        try:
            return read(value)
        except (ValueError, TypeError):
            continue
    return value


def _finds_more(was: GapRule, now: GapRule) -> bool:
    return now.max_share <= was.max_share and _compared(was) <= _compared(now)


def _compared(rule: GapRule) -> set[tuple[str, str, float]]:
    return {(one.field, one.other, one.tolerance) for one in rule.compare}


def _gap_rule_change(was: GapRule, now: GapRule) -> Change:
    before, after = (plain(rule) for rule in (was, now))
    differing = [name for name in before if before[name] != after[name]]
    told = " and ".join(f"{name} {moved(as_text(before[name]), as_text(after[name]))}" for name in differing)
    settles = set(_SETTLING) if now.kind == was.kind == "conflict" else set()
    if settles and _compared(was) == _compared(now):
        settles.add("compare")  # then only whose word counts differs in it
    if set(differing) <= {*_TOLD, *settles}:
        does = "settles anew" if set(differing) & settles else "is told anew"
        sentence = f"the gap rule '{now.name}' {does}: {told}."
        return Change(kind="gap_rule_described", subject=now.name, sentence=sentence, place=now.place)
    tighter = set(differing) <= {"max_share", "compare", *_TOLD, *settles} and _finds_more(was, now)
    means = "it finds more" if tighter else "it may miss what it found before"
    return Change(
        kind="gap_rule_tightened" if tighter else "gap_rule_loosened", subject=now.name, breaking=not tighter,
        before=as_text({name: before[name] for name in differing}),
        after=as_text({name: after[name] for name in differing}),
        sentence=f"the gap rule '{now.name}' changes {told}: {means}.", place=now.place,
    )  # fmt: skip
