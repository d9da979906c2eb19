"""Print what a command found: tables for people, JSON for programs. Both tell the same facts."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landbridge.evidence import evidence_lines

if TYPE_CHECKING:
    from datetime import timedelta

    from landbridge.reporting import Gap
    from ledger import Account, Finding

ACCOUNT_COLUMNS = ("read", "indexed", "quarantined", "filtered", "duplicate", "failed")
WIDTH = 110
# of rows, too: signs by which a terminal moves, recolours or turns round what stands there, and those it cannot write
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def as_json(value: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def line(text: str = "") -> None:
    """One line on stdout."""
    sys.stdout.write(_HIDDEN.sub("\ufffd", text) + "\n")


def problem(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(_HIDDEN.sub("\ufffd", text) + "\n")


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, right: Iterable[str] = ()) -> None:
    """A plain-text table: numbers to the right, no colours, so that it can be pasted into a ticket."""
    told = [[_cell(row.get(column, "")) for column in columns] for row in rows]
    widths = [max([len(column), *(len(cells[i]) for cells in told)]) for i, column in enumerate(columns)]
    flush = set(right)

    def joined(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if column in flush else cell.ljust(width)
            for cell, width, column in zip(cells, widths, columns, strict=True)
        )
        return "  ".join(padded).rstrip()

    line(joined(list(columns)))
    line("  ".join("-" * width for width in widths))
    for cells in told:
        line(joined(cells))


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def account_row(account: Account) -> dict[str, Any]:
    """The documented shape of one dataset in `status --json`."""
    return {
        "name": account.dataset,
        **{column: getattr(account, column) for column in ACCOUNT_COLUMNS},
        "balanced": account.balanced,
        "missing_keys": list(account.missing_keys),
        "documents": account.documents,
        "embedded": account.embedded,
        "index_version": account.index_version,
        "run_id": account.run_id,
        "at": account.at.isoformat(),
    }


def accounts(found: Sequence[Account]) -> None:
    """The accounting table: every row read is in exactly one of the other columns."""
    rows = [account_row(account) | {"dataset": account.dataset} for account in found]
    columns = ("dataset", *ACCOUNT_COLUMNS, "documents", "embedded", "balanced")
    table(rows, columns, right=(*ACCOUNT_COLUMNS, "documents", "embedded"))


def finding_row(finding: Finding) -> dict[str, Any]:
    """The documented shape of one finding in JSON."""
    return {
        "id": finding.id,
        "rule": finding.rule,
        "dataset": finding.dataset,
        "stage": finding.stage,
        "count": finding.count,
        "unit": finding.unit,
        "severity": finding.severity,
        "message": finding.message,
        "sample_keys": list(finding.sample_keys),
        "evidence": finding.evidence,
        "owner": finding.owner,
        "remedy": finding.remedy,
        "blocking": finding.blocking,
    }


def gap_row(gap: Gap) -> dict[str, Any]:
    """The documented shape of one finding in `gaps --json`: the finding, and how it fares over the runs."""
    told = gap.told
    return finding_row(gap.finding) | {
        "kind": gap.kind,
        "state": told.state,
        "first_seen": told.first_seen.isoformat(),
        "opened_at": told.opened_at.isoformat(),
        "last_seen": told.last_seen.isoformat(),
        "resolved_at": told.resolved_at.isoformat() if told.resolved_at else None,
        "reopened": told.reopened,
        "age_seconds": gap.age.total_seconds(),
    }


def findings(found: Sequence[Finding]) -> None:
    """Findings for a person: what, how many, where, and what to do."""
    if not found:
        line("No open findings.")
        return
    for finding in sorted(found, key=_gravest):
        line(f"{finding.severity.upper():<8}  {_head(finding)}")
        _details(finding)


def gaps(found: Sequence[Gap]) -> None:
    """The gap report for a person: an overview with states and ages, then each gap with its evidence."""
    if not found:
        line("No such findings.")
        return
    ordered = sorted(found, key=lambda gap: (_gravest(gap.finding), gap.told.state))
    table([_overview(gap) for gap in ordered], ("SEVERITY", "STATE", "AGE", "COUNT", "KIND", "GAP", "OWNER"),
          right=("AGE", "COUNT"))  # fmt: skip
    line()
    for gap in ordered:
        line(f"{gap.finding.severity.upper():<8}  {_head(gap.finding)}")
        _indented(_life(gap))
        _details(gap.finding)


def _overview(gap: Gap) -> dict[str, object]:
    finding = gap.finding
    return {
        "SEVERITY": finding.severity, "STATE": gap.told.state, "AGE": age(gap.age), "COUNT": finding.count,
        "KIND": gap.kind, "GAP": f"{finding.dataset} / {finding.rule}", "OWNER": finding.owner,
    }  # fmt: skip


def _life(gap: Gap) -> str:
    told = gap.told
    again = f", opened again {told.reopened} time{'s' if told.reopened > 1 else ''}" if told.reopened else ""
    first = f", first seen {told.first_seen:%Y-%m-%d}" if told.first_seen != told.opened_at else ""
    end = f" to {told.resolved_at:%Y-%m-%d %H:%M} UTC" if told.resolved_at else ""
    return f"{gap.kind}, {told.state} from {told.opened_at:%Y-%m-%d %H:%M}{end or ' UTC'}{first}{again}"


def age(span: timedelta) -> str:
    """`3 d`, `5 h`, `12 min`."""
    minutes = int(span.total_seconds() // 60)
    if minutes >= 48 * 60:
        return f"{minutes // (24 * 60)} d"
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"


def _gravest(finding: Finding) -> tuple[int, str, int]:
    return {"critical": 0, "warning": 1, "info": 2}[finding.severity], finding.dataset, -finding.count


def _head(finding: Finding) -> str:
    return f"{finding.dataset} / {finding.rule}: {finding.count:,} {finding.unit}"


def _details(finding: Finding) -> None:
    _indented(finding.message)
    if finding.sample_keys:
        more = " ..." if len(finding.sample_keys) > 6 else ""
        _indented("keys: " + ", ".join(finding.sample_keys[:6]) + more)
    for told in evidence_lines(finding.evidence):
        _indented(told)
    if finding.remedy:
        _indented(f"remedy ({finding.owner or 'no owner'}): {finding.remedy}")
    line()


def _indented(text: str) -> None:
    bare = text.lstrip()
    indent = "    " + " " * (len(text) - len(bare))
    line(textwrap.fill(bare, WIDTH, initial_indent=indent, subsequent_indent=indent + "  "))


def answer(found: Any) -> None:
    """An answer with its citations, or the plain statement that nothing is known."""
    line(f"Q: {found.query}")
    if not found.known:
        line(f"   Not known: {found.reason}")
        line()
        return
    for hit in found.hits:
        line(f"[{hit.rank}] {hit.title}  ({hit.why})")
        line(
            textwrap.fill(
                " ".join(hit.text.split()), WIDTH, initial_indent="    ", subsequent_indent="    ", max_lines=6
            )
        )
        cited = hit.citation
        age = f", read {hit.as_of:%Y-%m-%d %H:%M} UTC" if hit.as_of else ""
        line(f"    source: {cited.source} {cited.location}{age}  {hit.urn}")
        for gap in [gap for gap in hit.gaps if gap not in hit.text][:3]:
            line(f"    known gap: {gap}")
    line(f"   index version {found.index_version}, {found.took_ms:.0f} ms")
    line()
