"""Group the questions of visits by meaning, and remember which form is in which group, so that ids stay over runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from catalog.errors import LandbridgeError
from expectations.question_groups import Group, Meaning, grouped
from ledger.models import Asked
from pipelines.site import Site
from pipelines.store import read_json, write_json

if TYPE_CHECKING:
    from index import Embedder


def groups_of(site: Site, asked: Sequence[Asked], embedder: Callable[[], Embedder] | None = None) -> tuple[Group, ...]:
    """The questions that nobody could answer, by meaning; kept are keyed marks of words, and no word of a question.

    The model is loaded only where a question is asked in words that were not seen before. Where the model is absent, or
    nobody knows from which cosine on two of its sentences mean the same, equal words make a group.
    """
    if not asked:
        return ()
    path = site.home.manifest("gaps", "questions")
    placed = read_json(path).get("placed", {})
    made = grouped(asked, key=site.mask_key(), placed=placed, meaning=lambda: _meaning(site, embedder))
    if made.placed != placed:
        write_json({"placed": dict(made.placed)}, path)
    return made.groups


def _meaning(site: Site, embedder: Callable[[], Embedder] | None) -> Meaning | str:
    """The project's model, or the reason why it groups nothing."""
    import index
    from index.meaning import same_meaning

    try:
        model = embedder() if embedder else index.load_embedder(site.project.model, site.home.models)
    except LandbridgeError as error:
        return str(error).rstrip(".")
    alike = same_meaning(model)
    if alike is None:
        return f"from which cosine on two sentences mean the same is not known of the model {model.name}"
    return Meaning(model.name, alike, model.embed)
