"""The evidence of a finding as lines a person reads; programs get the same facts as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SAID = frozenset(
    {"columns", "every", "expected", "field", "fields", "max_share", "on", "other", "referring_rows", "share", "to",
     "tolerance", "zone"}
)  # fmt: skip  # what the message says already, or the contract
LABELS = {
    "by": "missing by",
    "distinct_keys": "different keys",
    "groups": "where",
    "missing_together": "missing together, as a share",
    "rows": "for example",
    "top_keys": "most often",
}
ROWS = 3  # of a list of rows
VALUES = 6  # of a list of values
FIELDS = 6  # of one row


def evidence_lines(evidence: Mapping[str, Any]) -> Iterator[str]:
    """One line per fact, an indented line per row of evidence; nothing that is zero, empty or said already."""
    for name, value in evidence.items():
        if name in SAID or _is_nothing(value):
            continue
        label = LABELS.get(name, name.replace("_", " "))
        if name == "known_elsewhere":
            for register, told in value.items():
                yield from _known(label, register, told)
        elif name == "top_keys":
            if any(one["rows"] > 1 for one in value):
                counted = [f"{one['key']} ({one['rows']:,})" for one in value]
                yield f"{label}: {_listed(counted)}"
        elif _is_rows(value):
            yield f"{label}:"
            yield from _rows(value)
        elif isinstance(value, Mapping) and any(_is_rows(one) for one in value.values()):
            yield from (f"{label} {field}: {_listed([_row(one) for one in rows])}" for field, rows in value.items())
        else:
            yield f"{label}: {_short(value)}"


def _known(label: str, register: str, told: Mapping[str, Any]) -> Iterator[str]:
    """What a further register knows of the missing keys."""
    if "count" not in told:
        yield f"{label}, {register}: {_short(told)}"
        return
    keys = f": {_listed(told['keys'])}" if told.get("keys") else ""
    yield f"{label}, {register}: {told['count']:,} of {told['of']:,}{keys}"
    yield from _rows(told.get("says", []))


def _rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from (f"  {_row(one)}" for one in rows[:ROWS])
    if len(rows) > ROWS:
        yield f"  and {len(rows) - ROWS} more"


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values[:VALUES]) + (" ..." if len(values) > VALUES else "")


def _is_nothing(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_is_nothing(one) for one in value.values())
    return value is None or value == 0 or value in ("", [], ())


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _row(row: Mapping[str, Any]) -> str:
    """`MYF: airports 117.759, facilities -117.14`; the key stands first, and not twice."""
    if set(row) == {"value", "missing", "rows"}:
        return f"{row['value']} {row['missing']:,} of {row['rows']:,}"
    named = next((row[name] for name in ("_key", "group", "value") if name in row), None)
    rest = [(name, value) for name, value in row.items() if value != named and not _is_nothing(value)]
    told = ", ".join(f"{LABELS.get(name, name)} {_short(value)}" for name, value in rest[:FIELDS])
    told += " ..." if len(rest) > FIELDS else ""
    return told if named is None else f"{named}: {told}" if told else str(named)


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return _range(value) or _row(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _listed([_short(one) for one in value])
    return str(value)


def _range(value: Mapping[str, Any]) -> str:
    """A range of periods, or nothing where it is none."""
    if not {"from", "to"} <= set(value):
        return ""
    return str(value["from"]) if value["from"] == value["to"] else f"{value['from']} to {value['to']}"
