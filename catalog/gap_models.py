"""What a contract says of gaps that only show across rows, periods or systems."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from catalog.declaration import Declaration, Place, Severity

GapKind = Literal[
    "missing_reference", "missing_value", "missing_period", "missing_entity", "missing_sequence", "stale_field",
    "segment_coverage", "mixed_format", "conflict",
]  # fmt: skip
GapDirection = Literal["forward", "backward", "both"]
GapCalendar = Literal["all", "weekdays"]


def _in_order(value: object) -> object:
    """One name as a list of one; none for an empty one."""
    return (value,) if isinstance(value, str) and value else value or ()


SystemsInOrder = Annotated[tuple[str, ...], BeforeValidator(_in_order)]


class ConflictField(Declaration):
    """A field both systems hold; numbers agree within `tolerance`, text agrees after case and blanks are folded.

    `system_of_record` lists the datasets whose value wins, the first that says anything; empty: the rule's.
    """

    field: str
    other: str
    tolerance: float = 0.0
    system_of_record: SystemsInOrder = ()


class GapRule(Declaration):
    """A gap that only shows across rows, periods or systems. It reports; it never moves a row.

    missing_reference: `fields` -> `to_dataset.to_fields`, in `direction`; `also_in` lists (dataset, field) registers
    that may know the absent key; what is younger than `lateness`, by `late_from` here or `their_late_from` there, may
    still arrive. missing_value: null share of `field` above `max_share`. missing_period: every `every` of `field` is
    there between first and last (or `start`..`end`), per `per`, but for days that `calendar` or `holidays` close.
    missing_entity: each of `systems` knows every entity that `fields` name in the rows that `where` keeps.
    missing_sequence: no number of `field` is left out between first and last, per `per`. stale_field: `changed` is not
    older than `to_dataset.their_changed` of the row joined by `on` by more than `max_age`; `field` is what it speaks
    of. segment_coverage: null share of `field` surely above `max_share` in a segment of `per` with `min_rows` or more.
    mixed_format: values of the text `field` in another shape than the rest. conflict: `on` joins this dataset to
    `to_dataset`; `compare` lists the fields; `system_of_record` lists the datasets whose value wins, the first that
    says anything; `changed` here and `their_changed` there say how recent each word is.
    """

    name: str
    kind: GapKind
    title: str = ""
    field: str = ""
    fields: tuple[str, ...] = ()
    to_dataset: str = ""
    to_fields: tuple[str, ...] = ()
    also_in: tuple[tuple[str, str], ...] = ()
    direction: GapDirection = "forward"
    late_from: str = ""
    their_late_from: str = ""
    lateness: str = ""  # Polars duration text
    max_share: float = 0.0
    min_rows: int = 20
    every: str = ""  # Polars duration text, such as 1h or 1d
    per: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    calendar: GapCalendar = "all"
    holidays: tuple[str, str] | None = None  # dataset, and its date field
    systems: tuple[tuple[str, str], ...] = ()  # (dataset, field), in the order of `fields` for each dataset
    where: dict[str, tuple[str, ...]] = {}
    on: tuple[tuple[str, str], ...] = ()
    changed: str = ""
    their_changed: str = ""
    max_age: str = ""  # Polars duration text
    compare: tuple[ConflictField, ...] = ()
    system_of_record: SystemsInOrder = ()
    severity: Severity = "warning"
    owner: str = ""
    remedy: str = ""
    place: Place

    def record_of(self, compared: ConflictField) -> tuple[str, ...]:
        """The systems of record of one compared field, in order: its own, else the rule's."""
        return compared.system_of_record or self.system_of_record

    def named(self, own: str) -> tuple[tuple[str, str], ...]:
        """Every (dataset, field) that the rule of the dataset `own` names: all that its findings may quote."""
        ours = (self.field, *self.fields, *self.per, *self.where, self.late_from, self.changed,
                *(mine for mine, _ in self.on), *(one.field for one in self.compare))  # fmt: skip
        theirs = (*self.to_fields, self.their_late_from, self.their_changed,
                  *(their for _, their in self.on), *(one.other for one in self.compare))  # fmt: skip
        pairs = [*((own, name) for name in ours), *((self.to_dataset, name) for name in theirs)]
        pairs += [*self.also_in, *self.systems, *((self.holidays,) if self.holidays else ())]
        return tuple(dict.fromkeys(pair for pair in pairs if all(pair)))
