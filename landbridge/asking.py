"""Ask the index as a principal of the policy; the person at the command line is `local` unless they say otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.errors import BadQuery
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

    principal = principal_called(project, caller)
    context: Context = open_context(project, home=Home.of(project.folder))
    return [
        context.search(question, principal=principal, channel="cli", limit=limit, datasets=datasets, as_of=as_of)
        for question in questions
    ]


def principal_called(project: Project, name: str | None) -> Principal:
    """The principal of the policy with this name; BadQuery if there is none."""
    policy = project.policy
    if name is None:
        return policy.local
    known = {principal.name: principal for principal in (policy.anonymous, policy.local, *policy.principals)}
    if name not in known:
        raise BadQuery(f"--as {name}: no such principal", f"There are {', '.join(sorted(known))}.")
    return known[name]
