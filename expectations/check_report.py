"""Write what a check found as a page for people and as JSON for programs: one report per dataset, one for all gaps.

Pure: results and findings go in, text comes out. What may not be told is already withheld in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog.models import Dataset, Project
from expectations import pages
from expectations.pages import Html
from expectations.results import RuleResult
from ledger import Finding

KEYS_SHOWN = 5
LISTED = 20  # rows of a table within the evidence
PREVIEWED = 10  # rules in the short form
_TONES = {"passed": "good", "failed": "amber", "errored": "bad", "unjudged": "amber",
          "pass": "good", "quarantine": "amber", "block": "bad",
          "critical": "bad", "warning": "amber", "info": "calm"}  # fmt: skip
_VERDICTS = {
    "pass": "Every rule holds.",
    "quarantine": "Rows that break a rule are set aside; the others are used.",
    "block": "None of this delivery is used; the last good version stays.",
}


@dataclass(frozen=True)
class CheckReport:
    """One report in both forms. `html` needs no other file; `json` is ready to be written."""

    html: str
    json: dict[str, Any]


def check_report(
    dataset: Dataset,
    results: Sequence[RuleResult],
    findings: Sequence[Finding],
    *,
    verdict: str,
    rows: Mapping[str, int],
    checked_at: datetime,
) -> CheckReport:
    """The report of one dataset; `rows` are the counts of the check by their names, in the order to show them."""
    own = {result.rule for result in results}
    others = [finding for finding in findings if finding.rule not in own]
    broken = [result for result in results if result.verdict != "passed"]
    html = pages.page(
        f"Checks of {dataset.title}",
        pages.paragraph(pages.mark(verdict, _TONES[verdict]), _VERDICTS[verdict]),
        pages.facts(
            [
                ("Dataset", dataset.name),
                ("Contract", f"{dataset.place.file}, version {dataset.version}"),
                ("Owner", dataset.owner),
                ("Checked", _moment(checked_at)),
                ("Rules", _tally(results)),
            ]
        ),
        pages.section("Rows", pages.table(("Outcome", "Rows"), [(name, f"{count:,}") for name, count in rows.items()])),
        _section("Rules that do not hold", _broken_table(broken), broken),
        _section("Also found", _finding_table(others), others),
        _section("Rules that hold", _held_table(results), len(broken) < len(results)),
    )
    told = {
        "dataset": dataset.name,
        "title": dataset.title,
        "version": dataset.version,
        "owner": dataset.owner,
        "verdict": verdict,
        "checked_at": checked_at.isoformat(),
        "rows": dict(rows),
        "results": [result.model_dump(mode="json") for result in results],
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }
    return CheckReport(html, told)


def gap_report(
    project: Project, results: Sequence[RuleResult], findings: Sequence[Finding], *, checked_at: datetime
) -> CheckReport:
    """The report of all gap rules: each with its outcome, then every open gap with the rows that show it."""
    title = project.title or project.name
    summary = [
        (f"{one.dataset} / {one.rule}", _mark(one.verdict), one.kind.replace("_", " "),
         _found(one), pages.bar(one.share), one.owner, pages.code(one.place))
        for one in sorted(results, key=lambda one: one.verdict == "passed")
    ]  # fmt: skip
    columns = ("Rule", "Outcome", "Kind", "Found", "Share", "Owner", "Where")
    html = pages.page(
        f"Gaps of {title}",
        pages.facts([("Checked", _moment(checked_at)), ("Rules", _tally(results))]),
        _section("Rules", pages.table(columns, summary), summary),
        *(_gap(finding) for finding in findings),
        "" if findings else pages.paragraph("No gap is open."),
    )
    told = {
        "project": project.name,
        "checked_at": checked_at.isoformat(),
        "results": [result.model_dump(mode="json") for result in results],
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }
    return CheckReport(html, told)


def preview(results: Sequence[RuleResult]) -> str:
    """A short form in Markdown: how many rules hold, and the first of those that do not."""
    broken = [one for one in results if one.verdict != "passed"]
    lines = [f"{_tally(results)}"]
    if broken:
        lines += ["", "| rule | outcome | found | what |", "|---|---|---|---|"]
        lines += [_line(one) for one in broken[:PREVIEWED]]
    if len(broken) > PREVIEWED:
        lines.append(f"\n{len(broken) - PREVIEWED} more are in the report.")
    return "\n".join(lines)


def _line(one: RuleResult) -> str:
    cells = (one.rule, one.verdict, f"{one.count:,} {one.unit}", one.message)
    return "| " + " | ".join(pages.escaped(cell).replace("|", "&#124;").replace("\n", " ") for cell in cells) + " |"


def _tally(results: Iterable[RuleResult]) -> str:
    """`14 rules: 12 passed, 1 failed, 1 errored`."""
    counts: dict[str, int] = {}
    for one in results:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    if not counts:
        return "no rules"
    parts = [f"{counts[name]} {name}" for name in ("passed", "failed", "errored", "unjudged") if name in counts]
    total = sum(counts.values())
    return f"{total} rule{'s' if total > 1 else ''}: {', '.join(parts)}"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _mark(word: str) -> Html:
    return pages.mark(word, _TONES[word])


def _section(title: str, body: Html, there_is_one: object) -> Html:
    return pages.section(title, body) if there_is_one else Html("")


def _broken_table(results: Iterable[RuleResult]) -> Html:
    columns = ("Rule", "Outcome", "Severity", "What", "Found", "Share", "First keys", "What to do", "Where")
    rows = [
        (one.rule, _mark(one.verdict), _mark(one.severity), _told(one), _found(one), pages.bar(one.share),
         _keys(one.sample_keys), _remedy(one.remedy, one.owner), pages.code(one.place))
        for one in results
    ]  # fmt: skip
    return pages.table(columns, rows)


def _told(one: RuleResult) -> str:
    return f"{one.description} {one.message}".strip()


def _found(one: RuleResult) -> str:
    return f"{one.count:,} {one.unit}" if one.count else ""


def _held_table(results: Iterable[RuleResult]) -> Html:
    columns = ("Rule", "Outcome", "What", "Rows it speaks about", "Observed", "Where")
    rows = [
        (one.rule, _mark(one.verdict), _told(one), "" if one.subject is None else f"{one.subject:,}",
         one.observed, pages.code(one.place))
        for one in results if one.verdict == "passed"
    ]  # fmt: skip
    return pages.table(columns, rows)


def _finding_table(findings: Iterable[Finding]) -> Html:
    columns = ("Rule", "Severity", "What", "Found", "Share", "First keys", "What to do")
    rows = [
        (one.rule, _mark(one.severity), one.message, f"{one.count:,} {one.unit}", pages.bar(_share(one)),
         _keys(one.sample_keys), _remedy(one.remedy, one.owner))
        for one in findings
    ]  # fmt: skip
    return pages.table(columns, rows)


def _gap(finding: Finding) -> Html:
    return pages.section(
        f"{finding.dataset} / {finding.rule}",
        pages.paragraph(_mark(finding.severity), finding.message),
        pages.facts(
            [
                ("Found", f"{finding.count:,} {finding.unit}"),
                ("Share", pages.bar(_share(finding))),
                ("First keys", _keys(finding.sample_keys)),
                ("Owner", finding.owner),
                ("What to do", finding.remedy),
            ]
        ),
        *(_evidence(name, value) for name, value in finding.evidence.items()),
    )


def _share(finding: Finding) -> float | None:
    share = finding.evidence.get("share")
    return float(share) if isinstance(share, int | float) and not isinstance(share, bool) else None


def _keys(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - KEYS_SHOWN} more" if len(keys) > KEYS_SHOWN else ""
    return ", ".join(keys[:KEYS_SHOWN]) + more


def _remedy(remedy: str, owner: str) -> str:
    return f"{remedy} ({owner})" if owner else remedy


def _evidence(name: str, value: Any) -> Html:
    """A list of rows as a table, a mapping as names and values, nothing for what is empty or told above."""
    title = name.replace("_", " ").capitalize()
    if name == "share" or value in (None, "", [], {}, ()):
        return Html("")
    if isinstance(value, Mapping):
        tables = [_evidence(f"{name} {key}", inner) for key, inner in value.items() if _is_table(inner)]
        plain = [(str(key), _text(inner)) for key, inner in value.items() if not _is_table(inner)]
        return Html("".join([pages.facts([(title, _joined(plain))]), *tables]))
    if not _is_table(value):
        return pages.facts([(title, _text(value))])
    columns = list(dict.fromkeys(key for row in value for key in row))
    rows = [[_text(row.get(column)) for column in columns] for row in value[:LISTED]]
    told = f"{title}, the first {LISTED} of {len(value)}" if len(value) > LISTED else title
    return pages.table(columns, rows, caption=told) if columns else Html("")


def _is_table(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{key}: {text}" for key, text in pairs)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return _joined((str(key), _text(inner)) for key, inner in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
