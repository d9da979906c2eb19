"""Tell what `landbridge init` found, wrote or proposes: lines for a person, one JSON document for a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from landbridge import show
from landbridge.drafting.proposing import Proposal


def as_json(proposal: Proposal, folder: Path, *, written: bool) -> dict[str, Any]:
    """The documented shape of `init --json`."""
    return {
        "project": proposal.project, "folder": str(folder), "source": proposal.source, "written": written,
        "files": [change.file for change in proposal.files],
        "changes": [
            {"kind": one.kind, "what": one.what, "detail": one.detail, "file": one.file} for one in proposal.changes
        ],
        "left_out": [{"name": one.name, "reason": one.reason, "remedy": one.remedy} for one in proposal.left_out],
        "set": list(proposal.variables),
        "diff": "" if written else "".join(change.diff for change in proposal.files),
    }  # fmt: skip


def tell(proposal: Proposal, folder: Path, *, written: bool) -> None:
    """Diff, summary, what was left out, what to do next."""
    if not written:
        for change in proposal.files:
            show.line(change.diff.rstrip("\n"))
    if not written or not proposal.fresh:
        for one in proposal.changes:
            show.line(f"{one.kind}: {one.what}" + (f" ({one.detail})" if one.detail else ""))
    for out in proposal.left_out:
        reason = "a view; --views includes those that have a usable key" if out.reason == "a view" else out.reason
        show.line(
            f"left out: {out.name}: {reason}" + ("" if out.reason == "a view" else f". {out.remedy}".rstrip(". ") + ".")
        )
    show.line(_summary(proposal))
    for variable in proposal.variables:
        show.line(f"set {variable} before `landbridge run`, as it stands in the URL: @ : / in it are %40 %3A %2F")
    show.line(_next(proposal, folder, written=written))


def _summary(proposal: Proposal) -> str:
    fields = [one for draft in proposal.drafts for one in draft.fields]
    relations = [one for draft in proposal.drafts for one in draft.relations]
    suggested = sum(1 for one in relations if one.evidence)
    keys = sum(1 for draft in proposal.drafts if draft.key_guessed)
    return (
        f"{proposal.project}: {len(proposal.drafts)} tables of '{proposal.source}', {len(fields)} columns, "
        f"{len(relations) - suggested} declared and {suggested} suggested references, {keys} guessed keys, "
        f"{sum(1 for one in fields if one.guess)} columns guessed to be personal data"
    )


def _next(proposal: Proposal, folder: Path, *, written: bool) -> str:
    files = len(proposal.files)
    if not files:
        settle = len(proposal.to_settle)
        return f"{settle} differences are for you to settle; nothing to write" if settle else "nothing to propose"
    if not written:
        how = "without --dry-run" if proposal.fresh else "with --write"
        return f"nothing written: {files} files would be; repeat it {how}"
    return f"wrote {files} files below {folder}; next: landbridge check --project {folder}"
