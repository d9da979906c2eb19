"""Ask the index as a principal of the policy; the person at the command line is `local` unless they say otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.errors import BadQuery, IndexStoreError
from catalog.home import Home
from catalog.models import Principal, Project

if TYPE_CHECKING:
    from serving.models import ContextAnswer


def ask(
    project: Project,
    questions: Sequence[str],
    *,
    limit: int,
    datasets: tuple[str, ...] = (),
    caller: str | None = None,
    as_of: str = "",
) -> list[ContextAnswer]:
    """Answer each question through the same service as HTTP and MCP, traced on the channel `cli`."""
    from serving.context import Context, open_context

    principal, home = principal_called(project, caller), Home.of(project.folder)
    context: Context = open_context(project, home=home)
    with _cause_told(str(home.index)):
        return [
            context.search(question, principal=principal, channel="cli", limit=limit, datasets=datasets, as_of=as_of)
            for question in questions
        ]


@contextmanager
def _cause_told(uri: str) -> Iterator[None]:
    """Tell what the store says of damaged files: who sits here can read its files anyway, and no server has a log."""
    from index.faults import fault_told
    from index.searching import UNTOLD

    try:
        yield
    except IndexStoreError as error:
        if error.what == UNTOLD and error.__cause__ is not None:
            raise fault_told(uri, error.__cause__) from error
        raise


def principal_called(project: Project, name: str | None) -> Principal:
    """The principal of the policy with this name; BadQuery if there is none."""
    policy = project.policy
    if name is None:
        return policy.local
    known = {principal.name: principal for principal in (policy.anonymous, policy.local, *policy.principals)}
    if name not in known:
        raise BadQuery(f"--as {name}: no such principal", f"There are {', '.join(sorted(known))}.")
    return known[name]
