"""Say what is one thing: the pairs in doubt, one entity whole, and a person's word about a pair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landbridge.commands.frame import JsonOption, ProjectOption, decisions_told, load
from landbridge.commands.quarantine import ByOption, ReasonOption

entities = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Say which records are one thing: list, show, review, accept, refuse. The next run carries out what is said.",
)
PairArgument = Annotated[str, typer.Argument(metavar="PAIR", help="The pair's id, or as much of it as no other has.")]


@entities.command("list")
def list_entities(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Count for each entity: records, entities, links by the way they came about, pairs that wait."""
    with decisions_told():
        from landbridge import entity_reviewing, entity_telling, show

        found = entity_reviewing.summaries(load(project))
        if json:
            show.as_json(found)
        else:
            entity_telling.tell_summaries(found)


@entities.command("show")
def show_entity(
    entity: Annotated[str, typer.Argument(help="Its id, the beginning of it, or one of its records as dataset:key.")],
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show one entity: its records, the links with probability and evidence, and whose each golden value is."""
    with decisions_told():
        from landbridge import entity_reviewing, entity_telling, show

        told = entity_reviewing.entity_told(load(project), entity)
        if json:
            show.as_json(told)
        else:
            entity_telling.tell_entity(told)


@entities.command()
def review(
    entity: Annotated[str | None, typer.Argument(help="Only this entity, by its name in the project.")] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show the pairs that wait for a person, the most uncertain first, with what agrees and what differs."""
    with decisions_told():
        from landbridge import entity_reviewing, entity_telling, show

        loaded = load(project)
        if json:
            show.as_json(entity_reviewing.doubts(loaded, entity))
            return
        found = entity_reviewing.doubts(loaded, entity, limit=entity_reviewing.FIRST)
        entity_telling.tell_doubts(found, entity_reviewing.waiting(loaded, entity))


@entities.command()
def accept(pair: PairArgument, reason: ReasonOption, by: ByOption = "", project: ProjectOption = Path()) -> None:
    """Say that two records are the same thing, whatever the run thinks."""
    _say(project, pair, same=True, by=by, reason=reason)


@entities.command()
def refuse(pair: PairArgument, reason: ReasonOption, by: ByOption = "", project: ProjectOption = Path()) -> None:
    """Say that two records are not the same thing; a link between them is taken back."""
    _say(project, pair, same=False, by=by, reason=reason)


def _say(project: Path, pair: str, *, same: bool, by: str, reason: str) -> None:
    with decisions_told():
        from landbridge import entity_reviewing, quarantining, show

        word = entity_reviewing.Word(same, by=by or quarantining.system_user(), reason=reason)
        one = entity_reviewing.decide(load(project), pair, word)
        what = "the same" if same else "not the same"
        show.line(f"{one.entity} {pair}: {what}, by {one.by}; landbridge run applies it")
