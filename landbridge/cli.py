"""The command line: declare, run, ask, serve. Every command exits 0 when fine, 1 when a gate failed, 2 on bad input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from catalog.models import Project
    from pipelines.runs import RunReport

FINE, FAILED, BAD_INPUT = 0, 1, 2

app = typer.Typer(
    name="landbridge",
    help="Make enterprise data ready for agents: pull, check, find the gaps, index, and answer with citations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ProjectOption = Annotated[
    Path, typer.Option("--project", "-p", help="The project folder.", envvar="LANDBRIDGE_PROJECT", show_default="here")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def main() -> None:
    """Run the command line; a fault of the caller's is one line on stderr, never a traceback."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        app()
    except SystemExit as ended:
        if "_duckdb" in sys.modules and isinstance(ended.code, int | None):
            _leave(ended.code or 0)
        raise


def _leave(code: int) -> None:
    """End without taking the interpreter apart: beside torch DuckDB would then print a page about leaks."""
    import atexit

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def _told() -> Iterator[None]:
    """Turn our own errors into one line and an exit code."""
    from catalog.errors import BadQuery, IndexStoreError, LandbridgeError, ProjectError, SecretUnresolved
    from landbridge import show

    try:
        yield
    except (ProjectError, BadQuery, SecretUnresolved, IndexStoreError) as error:
        show.problem(str(error))
        raise typer.Exit(BAD_INPUT) from None
    except LandbridgeError as error:
        show.problem(str(error))
        raise typer.Exit(FAILED) from None


def _load(project: Path) -> Project:
    from catalog import load_project

    return load_project(project)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The project folder, new or existing.")],
    url: Annotated[
        str,
        typer.Option(
            "--from", metavar="FROM", help="A SQLAlchemy URL, which may hold ${env:NAME}, or a folder of files."
        ),
    ],
    schema: Annotated[str, typer.Option(help="Only this schema [default: the database's own].")] = "",
    table: Annotated[list[str] | None, typer.Option(help="Only tables that match this glob; repeatable.")] = None,
    views: Annotated[bool, typer.Option("--views", help="Also views that have a usable key.")] = False,
    source_name: Annotated[str, typer.Option(help="Name of the source [default: the database's].")] = "",
    sample: Annotated[int, typer.Option(help="Most rows of a table to look at, 1 to 1000000.")] = 10_000,
    write: Annotated[bool, typer.Option("--write", help="Add what is new to a project that exists.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, show everything.")] = False,
    json: JsonOption = False,
) -> None:
    """Draft a project from a database or a folder of files, or propose what changed.

    Reads the catalog, or looks into every file, and a sample of rows, and writes project.yaml, sources and one contract
    per table. Guesses are marked by comments. In a folder that holds a project nothing is written without --write, and
    then only added. Exit code 1: what is there and the project differ, and this call did not close the difference.
    """
    from datetime import UTC, datetime

    from catalog.errors import Refusal, SourceError
    from connectors.discovering.opening import remedy
    from landbridge import show
    from landbridge.drafting import reporting
    from landbridge.drafting.folders import folder_of, propose_files
    from landbridge.drafting.proposing import Wanted, propose
    from landbridge.drafting.writing import write as write_files

    if not 1 <= sample <= 1_000_000 or (write and dry_run):
        wrong = "--write and --dry-run: choose one" if write and dry_run else f"--sample {sample}: use 1 to 1000000"
        show.problem(wrong)
        raise typer.Exit(BAD_INPUT)
    wanted = Wanted(schema=schema, tables=tuple(table or ()), views=views, source=source_name, sample=sample)
    with _told():
        try:
            place, now = folder_of(url), datetime.now(UTC)
            proposal = propose_files(place, folder, wanted, now=now) if place else propose(url, folder, wanted, now=now)
            written = (proposal.fresh or write) and not dry_run
            if written:
                write_files(folder, proposal.files)
        except SourceError as error:
            show.problem(f"{error.detail.rstrip('.')}. {remedy(error)}".strip())
            raise typer.Exit(BAD_INPUT) from None
        except Refusal as refused:
            show.problem(str(refused))
            raise typer.Exit(BAD_INPUT) from None
    if json:
        show.as_json(reporting.as_json(proposal, folder, written=written))
    else:
        reporting.tell(proposal, folder, written=written)
    raise typer.Exit(FAILED if proposal.to_settle or (proposal.files and not written) else FINE)


@app.command()
def check(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Check declarations, secrets and sources against the contracts."""
    from landbridge import checking, show

    with _told():
        loaded = _load(project)
        contracts = checking.check_contracts(loaded)
        findings = [*contracts.findings, *checking.check_sources(loaded)]
    if json:
        changes = [checking.change_row(name, change) for name, change in contracts.changes]
        told = {"project": loaded.name, "datasets": sorted(loaded.datasets)}
        show.as_json(told | {"changes": changes, "findings": _rows(findings)})
    else:
        show.line(
            f"{loaded.name}: {len(loaded.datasets)} datasets, {len(loaded.sources)} sources, declarations are sound."
        )
        for _, change in contracts.changes:
            show.line(str(change))
        show.findings(findings)
    raise typer.Exit(FAILED if any(finding.severity == "critical" for finding in findings) else FINE)


@app.command()
def run(
    project: ProjectOption = Path(),
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Accept a drop in this dataset's volume, or how its columns changed; repeatable."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Refresh everything as one Dagster run.

    Pull every source, normalize, check, find the gaps, index, publish. A source or contract that fails keeps its last
    good version in service.
    """
    from catalog.secrets import resolve
    from landbridge import show
    from landbridge.progress import shown

    with _told():
        loaded = _load(project)
        accepted = frozenset(accept or ())
        unknown = sorted(accepted - set(loaded.datasets))
        if unknown:
            show.problem(f"--accept {unknown[0]}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        for source in loaded.sources.values():
            for place in filter(None, (source.location, source.write_location)):
                resolve(place, folder=loaded.folder)  # a secret without a value is bad input, not a broken source
        from pipelines.runs import execute

        with shown() as listener:
            report = execute(loaded, accept=accepted, listener=listener)
    _show_run(report, json=json)
    raise typer.Exit(FINE if report.good else FAILED)


def _show_run(report: RunReport, *, json: bool) -> None:
    from landbridge import show

    if json:
        show.as_json(
            {
                "run_id": report.run_id, "status": report.status, "seconds": report.seconds,
                "embedded": report.embedded, "index_version": report.index_version,
                "datasets": [show.account_row(account) for account in report.accounts],
                "findings": _rows(report.findings), "failures": list(report.failures),
                "failed_checks": list(report.failed_checks), "blocked": list(report.blocked),
            }
        )  # fmt: skip
        return
    show.accounts(report.accounts)
    show.line()
    show.line(
        f"run {report.run_id[:8]} {report.status} in {report.seconds} s, {report.embedded:,} texts embedded, "
        f"index version {report.index_version}, {len(report.findings)} open findings (landbridge gaps)"
    )
    for failure in report.failures:
        show.problem(f"failed: {failure}")
    for failed in report.failed_checks:
        show.problem(f"red check: {failed}")
    for finding in report.findings:
        if finding.blocking and finding.rule != "source-readable":  # that one is a failure, told above
            show.problem(f"{finding.dataset} / {finding.rule}: {finding.message} {finding.remedy}")
            if finding.sample_keys:
                show.problem(f"  keys: {', '.join(finding.sample_keys)}")
    if report.blocked:
        show.problem(f"not refreshed, the last good version keeps serving: {', '.join(report.blocked)}")


@app.command()
def ask(
    question: Annotated[
        str | None, typer.Argument(help="The question; without one, the project's own questions.")
    ] = None,
    project: ProjectOption = Path(),
    limit: Annotated[int, typer.Option(help="Most records to cite, 1 to 50.")] = 5,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this dataset; repeatable.")] = None,
    caller: Annotated[str | None, typer.Option("--as", help="Ask as this principal of the policy.")] = None,
    json: JsonOption = False,
) -> None:
    """Ask for cited context, or hear that nothing is known."""
    from landbridge import asking, show

    with _told():
        loaded = _load(project)
        questions = loaded.questions if question is None else (question,)
        if not questions:
            show.problem("nothing to ask: give a question, or list some under `questions:` in project.yaml")
            raise typer.Exit(BAD_INPUT)
        answers = asking.ask(loaded, questions, limit=limit, datasets=tuple(dataset or ()), caller=caller)
    if json:
        told = [answer.model_dump(mode="json") for answer in answers]
        show.as_json(told[0] if question is not None else told)
        return
    for answer in answers:
        show.answer(answer)


@app.command()
def status(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show the accounting of every dataset, verified against the index."""
    from landbridge import reporting, show

    with _told():
        report = reporting.status(_load(project))
    if json:
        show.as_json(report.as_json())
    else:
        report.show()
    raise typer.Exit(FINE if report.good else FAILED)


@app.command()
def gaps(
    project: ProjectOption = Path(),
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    every_stage: Annotated[bool, typer.Option("--all", help="Also findings of single datasets.")] = False,
    fail_on: Annotated[str, typer.Option(help="Exit 1 at this severity: critical, warning, never.")] = "critical",
    json: JsonOption = False,
) -> None:
    """Show what is missing or contradictory, with owner and remedy."""
    from landbridge import reporting, show

    if fail_on not in ("critical", "warning", "never"):
        show.problem(f"--fail-on {fail_on}: use critical, warning or never")
        raise typer.Exit(BAD_INPUT)
    with _told():
        loaded = _load(project)
        if dataset is not None and dataset not in loaded.datasets:
            show.problem(f"--dataset {dataset}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        findings = reporting.gaps(loaded, dataset=dataset, every_stage=every_stage)
    if json:
        show.as_json(_rows(findings))
    else:
        show.findings(findings)
    failing = {"critical": ("critical",), "warning": ("critical", "warning"), "never": ()}[fail_on]
    raise typer.Exit(FAILED if any(finding.severity in failing for finding in findings) else FINE)


quarantine = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Work the rows that break a rule: list, show, fix, release, reject. The next run carries out what is decided.",
)
app.add_typer(quarantine, name="quarantine")

RowArgument = Annotated[str, typer.Argument(metavar="ID", help="The row's id, or as much of it as no other row has.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for those who come later; no personal values.")]
ByOption = Annotated[str, typer.Option(help="Who decides [default: the user of this machine].")]


@contextmanager
def _decided() -> Iterator[None]:
    """Turn a decision that makes no sense into one line and exit code 2."""
    from landbridge import show
    from landbridge.quarantining import DecisionRefused

    with _told():
        try:
            yield
        except DecisionRefused as refused:
            show.problem(str(refused))
            raise typer.Exit(BAD_INPUT) from None


@quarantine.command("list")
def list_rows(
    dataset: Annotated[str | None, typer.Argument(help="Only this dataset.")] = None,
    project: ProjectOption = Path(),
    summary: Annotated[bool, typer.Option("--summary", help="Count by rule: open, ages, time to release.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also rows that were rejected.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the open rows, oldest first: rule, column, place in the source, value where it may be told, age."""
    with _decided():
        from landbridge import quarantining, show

        loaded = _load(project)
        if summary:
            found = quarantining.backlogs(loaded, dataset)
            if json:
                show.as_json([quarantining.backlog_json(one) for one in found])
            else:
                quarantining.tell_backlogs(found)
            return
        rows = quarantining.rows_of(loaded, dataset, everything=everything)
        if json:
            show.as_json([quarantining.as_json(row) for row in rows])
        else:
            quarantining.tell_rows(rows)


@quarantine.command("show")
def show_row(row: RowArgument, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show one row as it may be told, the rules it breaks, and its history."""
    with _decided():
        from landbridge import quarantining, show

        told = quarantining.history(_load(project), row)
    if json:
        show.as_json(told)
    else:
        quarantining.tell_history(told)


@quarantine.command()
def fix(
    row: RowArgument,
    field: Annotated[str, typer.Option(help="The field to change, by its name in the contract.")],
    value: Annotated[str, typer.Option(help="The new value as the source spells it; - reads one line of input.")],
    reason: ReasonOption,
    by: ByOption = "",
    project: ProjectOption = Path(),
) -> None:
    """Change one value of one row before it is checked again."""
    told = sys.stdin.readline().rstrip("\r\n") if value == "-" else value
    _decide(project, row, "fix", by=by, reason=reason, field=field, value=told)


@quarantine.command()
def release(
    row: RowArgument,
    reason: ReasonOption,
    rule: Annotated[list[str] | None, typer.Option(help="Only from this rule; repeatable.")] = None,
    by: ByOption = "",
    project: ProjectOption = Path(),
) -> None:
    """Let one row pass although it breaks a rule."""
    _decide(project, row, "release", by=by, reason=reason, rules=tuple(rule or ()))


@quarantine.command()
def reject(row: RowArgument, reason: ReasonOption, by: ByOption = "", project: ProjectOption = Path()) -> None:
    """Keep one row out for good; it stays counted, and is not open any more."""
    _decide(project, row, "reject", by=by, reason=reason)


def _decide(project: Path, row: str, kind: Any, *, by: str, **told: Any) -> None:
    with _decided():
        from landbridge import quarantining, show

        verdict = quarantining.Verdict(kind, by=by or quarantining.system_user(), **told)
        for one in quarantining.decide(_load(project), row, verdict):
            what = " ".join(filter(None, (kind, one.rule or one.field)))
            show.line(f"{one.dataset} {one.row_id}: {what}, by {one.by}; landbridge run applies it")


@app.command()
def peek(
    target: Annotated[str, typer.Argument(help="A dataset of the project, or a file, folder, archive member or URL.")],
    project: ProjectOption = Path(),
    rows: Annotated[
        int | None, typer.Option(help="How many rows; 0: all [default: 10, with --json and --as-text all].")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per row.")] = False,
    as_text: Annotated[bool, typer.Option("--as-text", help="Print one JSON array of texts per row.")] = False,
    meta: Annotated[bool, typer.Option("--meta", help="Print what was detected, as JSON, and no rows.")] = False,
    form: Annotated[str, typer.Option("--format", help="The file's format [default: it is recognised].")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", metavar="NAME=VALUE", help="Of the format; repeatable.")
    ] = None,
    table: Annotated[str, typer.Option(help="The sheet or table [default: the first].")] = "",
    copybook: Annotated[str, typer.Option(metavar="FILE", help="Read a mainframe file with this copybook.")] = "",
    record_format: Annotated[str, typer.Option(help="Of a mainframe file: F, FB, V, VB, D.")] = "",
    encoding: Annotated[str, typer.Option(help="Of a text file; of a mainframe file ebcdic or ascii.")] = "",
    code_page: Annotated[str, typer.Option(help="Of a mainframe file: cp037, cp273, ...")] = "",
) -> None:
    """Show what a file holds, or a dataset's first rows as their source holds them.

    A file needs no project: its format, encoding and columns are found and shown with its first rows. Of a dataset,
    also where its source differs from the contract; there confidential values show as ***.
    """
    from landbridge import show

    if sum((json, as_text, meta)) > 1 or (rows is not None and rows < 0):
        several = "--json, --as-text and --meta: choose one"
        show.problem(several if sum((json, as_text, meta)) > 1 else f"--rows {rows}: use 0 or more")
        raise typer.Exit(BAD_INPUT)
    if _may_be_dataset(target, project):
        if as_text or meta or option or any((form, table, copybook, record_format, encoding, code_page)):
            show.problem(f"{target} is a dataset of the project: of one there are only --rows and --json")
            raise typer.Exit(BAD_INPUT)
        _peek_dataset(target, project, rows=5 if rows is None else rows, json=json)
        return
    from landbridge import peeking

    flags = {"copybook": copybook, "record_format": record_format, "encoding": encoding, "ebcdic_code_page": code_page}
    try:
        options = peeking.parsed_options(option or [], **flags)
    except ValueError as error:
        show.problem(str(error))
        raise typer.Exit(BAD_INPUT) from None
    wanted = peeking.Wanted(target, form or ("mainframe" if copybook else ""), options, table, rows)
    how = "json" if json else "texts" if as_text else "meta" if meta else ""
    raise typer.Exit(peeking.tell(wanted, how=how))


def _may_be_dataset(target: str, project: Path) -> bool:
    """Whether a target is meant as a dataset: there is a project, and nothing of that name to look into."""
    from catalog.names import SLUG

    return SLUG.fullmatch(target) is not None and (project / "project.yaml").is_file() and not Path(target).exists()


def _peek_dataset(dataset: str, project: Path, *, rows: int, json: bool) -> None:
    from landbridge import checking, show

    with _told():
        loaded = _load(project)
        if dataset not in loaded.datasets:
            show.problem(f"{dataset}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        if not 1 <= rows <= 100:
            show.problem(f"--rows {rows}: use 1 to 100")
            raise typer.Exit(BAD_INPUT)
        columns, found, findings = checking.peek(loaded, dataset, rows=rows)
    if json:
        show.as_json({"dataset": dataset, "columns": columns, "rows": found, "findings": _rows(findings)})
        return
    show.table(columns, ("column", "type", "field", "promised"))
    show.line()
    show.table(found, [column["column"] for column in columns])
    show.line()
    show.findings(findings)


@app.command("forget-feed")
def forget_feed(
    dataset: Annotated[str, typer.Argument(help="The dataset, read in mode feed before or now.")],
    project: ProjectOption = Path(),
) -> None:
    """Remove what a change feed keeps at its database.

    For a dataset that is not read by feed any more: its server would keep its log for us without end. The next read in
    mode feed begins anew.
    """
    import connectors
    from landbridge import show

    with _told():
        loaded = _load(project)
        if dataset not in loaded.datasets:
            show.problem(f"{dataset}: no such dataset; there are {', '.join(sorted(loaded.datasets))}")
            raise typer.Exit(BAD_INPUT)
        declared = loaded.datasets[dataset]
        connectors.forget_feed(loaded.sources[declared.source], declared, folder=loaded.folder)
    show.line(f"{dataset}: its database keeps nothing for us any more.")


@app.command()
def serve(
    project: ProjectOption = Path(),
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port [default: 8787].")] = None,
) -> None:
    """Serve governed context over HTTP and MCP."""
    with _told():
        from serving.server import serve as serve_project

        serve_project(_load(project), host=host, port=port)


@app.command()
def dev(
    project: ProjectOption = Path(),
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    api_port: Annotated[int, typer.Option(help="Port of the API.")] = 8787,
) -> None:
    """Open the Dagster UI, its daemon and the API together.

    History is kept in the project's home.
    """
    with _told():
        from landbridge.developing import develop

        code = develop(_load(project), port=port, api_port=api_port)
    raise typer.Exit(code)


@app.command()
def doctor(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Examine this machine and this project.

    Versions, embedding runtime, home, disk, index, API keys, sources: each with what to do about it.
    """
    from landbridge import doctoring, show

    with _told():
        examined = doctoring.examine(project)
    if json:
        show.as_json({"checks": examined})
    else:
        show.table(examined, ("what", "ok", "detail", "remedy"))
    raise typer.Exit(FINE if all(row["ok"] for row in examined) else FAILED)


def _rows(findings: Any) -> list[dict[str, Any]]:
    from landbridge import show

    return [show.finding_row(finding) for finding in findings]


def _version(wanted: bool) -> None:
    if wanted:
        from landbridge import __version__

        sys.stdout.write(f"landbridge {__version__}\n")
        raise typer.Exit


@app.callback()
def entry(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Hold the options that stand before a command."""
