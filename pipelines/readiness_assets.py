"""The Dagster asset `readiness`: scores after everything is indexed, and a check for each minimum that is declared."""
# No `from __future__ import annotations` here: Dagster reads the annotations of a context as they stand.

from collections.abc import Iterator
from typing import Any

import dagster as dg

from catalog.models import Project
from expectations.readiness import SHOWN_BLOCKERS, Score
from pipelines.asset_checks import check_names
from pipelines.progress import Lines, listening
from pipelines.site import Site
from pipelines.stages.readiness import Readiness, measure_readiness

KEY = "readiness"
MINIMUM = "readiness_minimum"


def readiness_asset(project: Project) -> dg.AssetsDefinition:
    """`readiness`, downstream of every `indexed/x`."""
    names = minimum_checks(project)

    @dg.asset(
        key=[KEY],
        deps=[["indexed", name] for name in sorted(project.datasets)],
        description="How ready each dataset and use case is for agents, 0 to 100, and what blocks it most.",
        group_name=KEY,
        kinds={"polars"},
        check_specs=[
            dg.AssetCheckSpec(
                name, asset=[KEY], description=f"The score of '{subject}' was measured whole, and is at its minimum."
            )
            for subject, name in names.items()
        ],
    )
    def readiness(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        site = Site.open(project)
        with listening(Lines(context.log.info)):
            made = measure_readiness(site, run_id=context.run.run_id)
        yield dg.MaterializeResult(metadata=of_readiness(site, made))
        for one in made.scores:
            if one.subject in names:
                yield _minimum_result(one, names[one.subject])

    return readiness


def minimum_checks(project: Project) -> dict[str, str]:
    """The check of each subject that declares a minimum: use cases, and the datasets that the project names."""
    datasets = [name for name in sorted(project.datasets) if project.readiness.minimum_of(name) is not None]
    subjects = [*datasets, *(case.name for case in project.use_cases)]
    named = check_names([f"{MINIMUM}__{subject}" for subject in subjects])
    return dict(zip(subjects, named.values(), strict=True))


def of_readiness(site: Site, made: Readiness) -> dict[str, Any]:
    """The scores, the costliest blockers of the least ready, and where the report lies."""
    path = site.home.readiness_report
    return {
        "scores": _table([_score_row(one) for one in made.scores]),
        "worst_blockers": _table(_blocker_rows(made)),
        "moved": ", ".join(made.moved) or "nothing",
        "report": dg.MetadataValue.path(str(path)),
        "open_report": dg.MetadataValue.url(path.as_uri()),
        "preview": dg.MetadataValue.md(_markdown(made)),
    }


def _score_row(one: Score) -> dict[str, str | float]:
    dimensions = {each.name: "not measured" if each.score is None else f"{each.score:.1f}" for each in one.dimensions}
    row: dict[str, str | float] = {"subject": one.subject, "kind": one.kind, "score": one.total}
    return row | {"minimum": "" if one.minimum is None else f"{one.minimum:g}", "questions": ""} | dimensions


def _blocker_rows(made: Readiness) -> list[dict[str, str | float]]:
    """Of everything, the three blockers that cost their subject most."""
    told = [(one, blocker) for one in made.scores for blocker in one.blockers]
    told.sort(key=lambda pair: (-pair[1].points, pair[0].subject, pair[1].what))
    return [
        {"subject": one.subject, "dimension": blocker.dimension, "points": round(blocker.points, 1),
         "what": blocker.what, "owner": blocker.owner, "remedy": blocker.remedy}
        for one, blocker in told[:SHOWN_BLOCKERS]
    ]  # fmt: skip


def _markdown(made: Readiness) -> str:
    """The least ready first, each with what costs it most."""
    lines = ["| what | score | needed | costs most |", "|---|---:|---:|---|"]
    for one in sorted(made.scores, key=lambda one: (one.enough, one.total, one.subject)):
        worst = one.blockers[0].what if one.blockers else "nothing"
        cells = (one.subject, f"{one.total:.1f}", "" if one.minimum is None else f"{one.minimum:g}", worst)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


def _minimum_result(one: Score, name: str) -> dg.AssetCheckResult:
    """A score that is too low, or not measured, fails as gravely as the project says."""
    gravity = dg.AssetCheckSeverity.ERROR if one.severity == "critical" else dg.AssetCheckSeverity.WARN
    worst = [f"{blocker.what} {blocker.remedy}".strip() for blocker in one.blockers[:SHOWN_BLOCKERS]]
    return dg.AssetCheckResult(
        passed=one.enough,
        asset_key=[KEY],
        check_name=name,
        severity=gravity,
        metadata={
            "score": one.total,
            "minimum": one.minimum if one.minimum is not None else "",
            "measured": "whole" if one.known else "not whole: a dimension is unknown",
            "blockers": dg.MetadataValue.md("\n".join(f"- {told}" for told in worst) or "none"),
        },
    )


def _table(rows: list[dict[str, str | float]]) -> dg.TableMetadataValue | str:
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in _even(rows)]) if rows else "none"


def _even(rows: list[dict[str, str | float]]) -> list[dict[str, str | float]]:
    """Rows with the same columns: a dataset has no questions of its own."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, "") for name in columns} for row in rows]
