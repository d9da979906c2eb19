"""The access rule as a prefilter of the store, and the same rule once more for every row that comes back.

The rule itself stands in `catalog.access`. Typed filters of a caller are compiled here too: no caller's text ever
becomes a filter string.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from catalog.access import may_see
from catalog.models import Classification, Principal
from index.schema import SEPARATOR

if TYPE_CHECKING:
    from lancedb.expr import Expr

FilterField = Literal["dataset", "kind", "source", "key", "document_id"]


class Filter(BaseModel):
    """A caller's condition on one of the fields that may be asked about; `in` takes several values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: FilterField
    op: Literal["eq", "in"] = "eq"
    value: str | tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """The values asked for, one or many."""
        return (self.value,) if isinstance(self.value, str) else self.value


def readable_by(principal: Principal) -> Expr:
    """What the store may show to `principal`: cleared, and without roles, or public, or one role shared."""
    from lancedb.expr import col, lit

    cleared = col("classification") <= lit(int(principal.clearance))
    open_to = (col("roles_text") == lit("")) | (col("classification") == lit(int(Classification.public)))
    for role in principal.roles:
        if role and SEPARATOR not in role:  # such a role cannot be stored, so it can match nothing
            open_to = open_to | col("roles_text").contains(lit(f"{SEPARATOR}{role}{SEPARATOR}"))
    return cleared & open_to


def compile_filters(principal: Principal, filters: Sequence[Filter], datasets: Sequence[str] = ()) -> Expr:
    """The access rule and all of the caller's conditions, as one predicate."""
    from lancedb.expr import col, lit

    predicate = readable_by(principal)
    wanted = [(one.field, one.values) for one in filters]
    if datasets:
        wanted.append(("dataset", tuple(datasets)))
    for field, values in wanted:
        # an empty list matches nothing; the engine is not asked to plan an empty IN
        predicate = predicate & (col(field).isin([lit(value) for value in values]) if values else lit(False))
    return predicate


def may_see_row(principal: Principal, row: dict[str, Any]) -> bool:
    """The rule on a row that came back. A row without labels is nobody's."""
    classification, roles = row.get("classification"), row.get("roles")
    if classification is None or roles is None:
        return False
    return may_see(principal, int(classification), list(roles))
