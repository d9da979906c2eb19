"""Print what a command found: tables for people, JSON for programs. Both tell the same facts."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landbridge.evidence import evidence_lines

if TYPE_CHECKING:
    from ledger import Account, Finding

ACCOUNT_COLUMNS = ("read", "indexed", "quarantined", "filtered", "duplicate", "failed")
WIDTH = 110


def as_json(value: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def line(text: str = "") -> None:
    """One line on stdout."""
    sys.stdout.write(text + "\n")


def problem(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(text + "\n")


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
    """The documented shape of one finding in `gaps --json`."""
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


def findings(found: Sequence[Finding]) -> None:
    """The gap report for a person: what, how many, where, and what to do."""
    if not found:
        line("No open findings.")
        return
    order = {"critical": 0, "warning": 1, "info": 2}
    for finding in sorted(found, key=lambda finding: (order[finding.severity], finding.dataset, -finding.count)):
        line(f"{finding.severity.upper():<8}  {finding.dataset} / {finding.rule}: {finding.count:,} {finding.unit}")
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
