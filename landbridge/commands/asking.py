"""Ask for cited context."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landbridge.commands.frame import BAD_INPUT, JsonOption, ProjectOption, faults_told, load


def ask(
    question: Annotated[
        str | None, typer.Argument(help="The question; without one, the project's own questions.")
    ] = None,
    project: ProjectOption = Path(),
    limit: Annotated[int, typer.Option(help="Most records to cite, 1 to 50.")] = 5,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this dataset; repeatable.")] = None,
    caller: Annotated[str | None, typer.Option("--as", help="Ask as this principal of the policy.")] = None,
    as_of: Annotated[
        str, typer.Option(metavar="WHEN", help="Ask an earlier index: its version, a moment, or a session's id.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Ask for cited context, or hear that nothing is known."""
    from landbridge import asking, show

    with faults_told():
        loaded = load(project)
        questions = loaded.questions if question is None else (question,)
        if not questions:
            show.problem("nothing to ask: give a question, or list some under `questions:` in project.yaml")
            raise typer.Exit(BAD_INPUT)
        answers = asking.ask(loaded, questions, limit=limit, datasets=tuple(dataset or ()), caller=caller, as_of=as_of)
    if json:
        told = [answer.model_dump(mode="json") for answer in answers]
        show.as_json(told[0] if question is not None else told)
        return
    for answer in answers:
        show.answer(answer)
