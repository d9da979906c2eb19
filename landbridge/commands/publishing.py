"""Look at the index, and go back to what it served before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from landbridge.commands.frame import JsonOption, ProjectOption, faults_told, load

if TYPE_CHECKING:
    from index import IndexStats

index = typer.Typer(no_args_is_help=True, help="Look at the index.")


@index.command()
def stats(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show what the index holds and costs.

    Rows, versions and since when they were served, indices, measured recall, bytes by part beside the raw vectors.
    """
    from catalog.home import Home
    from index import Store, index_stats
    from landbridge import show

    with faults_told():
        told = index_stats(Store(Home.of(load(project).folder).index))
    if json:
        show.as_json(told.model_dump(mode="json") | {"bytes_on_disk": told.bytes_on_disk})
    else:
        _show(told)


def rollback(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Serve what was live before the last run, with its rows and contracts.

    A second rollback returns. Servers follow within seconds; the next run goes forward from there.
    """
    import secrets

    from landbridge import show

    with faults_told():
        from pipelines.publications import roll_back
        from pipelines.site import Site

        done = roll_back(Site.open(load(project)), run_id=f"rollback-{secrets.token_hex(8)}")
    if json:
        show.as_json({"version": done.version, "before": done.before, "datasets": list(done.datasets)})
        return
    moved = ", ".join(done.datasets) or "nothing else"
    show.line(f"the run before is served, index version {done.version} and not {done.before}; moved with it: {moved}")


def _show(told: IndexStats) -> None:
    from landbridge import show

    found = told.parameters
    show.line(
        f"version {told.version}: {told.rows:,} chunks of {told.documents:,} documents, "
        f"{told.fragments} fragments, {told.deleted_rows:,} deleted rows in them"
    )
    show.line(f"model {told.model}, {told.dimension} dimensions")
    if found.recall is None:
        show.line(f"vectors: {found.kind}: every vector is looked at")
    else:
        show.line(
            f"vectors: {found.kind}, {found.probes} probes, refine {found.refine}: recall@10 {found.recall:.3f} "
            f"against the exact look, {found.queries} questions at version {found.measured_at}"
        )
    show.line()
    show.table(
        [part.model_dump() for part in told.indices],
        ("column", "kind", "rows", "unindexed", "segments"),
        right=("rows", "unindexed", "segments"),
    )
    show.line()
    kept = [
        {
            "version": one.version,
            "tags": ", ".join(one.tags),
            "since": f"{one.since:%Y-%m-%d %H:%M:%S}" if one.since else "",
        }
        for one in told.kept
    ]
    show.table(kept, ("version", "tags", "since"), right=("version",))
    show.line()
    sizes = {"raw vectors": told.bytes_of_raw_vectors, "live version": told.bytes_live} | told.bytes_by_part
    show.table(
        [{"bytes": size, "part": part} for part, size in (sizes | {"all on disk": told.bytes_on_disk}).items()],
        ("part", "bytes"),
        right=("bytes",),
    )
