"""The one place of the access rule: who may see what. The index compiles the same rule into its prefilter."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.models import Classification, Principal


def may_see(principal: Principal, classification: int, roles: Sequence[str]) -> bool:
    """Whether `principal` is cleared, and the data is for everyone, is public, or is for a role they hold."""
    if principal.clearance < classification:
        return False
    return not roles or classification == Classification.public or not set(roles).isdisjoint(principal.roles)
