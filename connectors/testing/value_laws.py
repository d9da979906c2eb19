"""Laws of values: what a system can hold comes as it is, what it cannot is refused or told as text, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from catalog.errors import SourceUnreadable
from connectors.testing.reading import batches_of, demand, is_same, means, rows_of
from connectors.testing.system import Columns, Kind, System

TEXTS = [
    "plain", "👩‍👩‍👧 🇨🇭", "漢字", "e\u0301", "\u00e9", "\u00df \u0130", "\u202eback", 'a "quoted" word', "it's", '"',
    "a,b;c|d", "a\tb", "back\\slash", "NULL", "null", "None", "NaN", "true", "007", "1e5", "1.50", "2024-01-01",
    "#no comment", "{a: 1}", "<b>&amp;</b>",
]  # fmt: skip


class ValueLaws:
    """See the module."""

    def test_text_comes_as_it_is(self, system: System) -> None:
        """Every sign of it, and what looks like a number, a date or nothing stays text."""
        self._kept(system, "text", TEXTS)

    def test_line_breaks_in_text_are_kept(self, system: System) -> None:
        """Also those of other systems."""
        self._kept(system, "text", ["a\nb", "a\r\nb", "a\rb", "a\n\nb"])

    def test_blanks_at_the_edges_of_text_are_kept(self, system: System) -> None:
        """Whether they mean something, the contract decides."""
        self._kept(system, "text", [" a", "b ", "  c  ", "\td"])

    def test_no_value_and_empty_text_are_two_things(self, system: System) -> None:
        """None comes as null, and an empty text as an empty text."""
        self._kept(system, "text", [None, "", "x", None, ""])

    def test_a_null_is_a_null_in_every_type(self, system: System) -> None:
        """And not 0, an empty text or the word null."""
        for kind, value in _ONE_OF_EACH.items():
            if kind in system.exact:
                self._kept(system, kind, [None, value, None])

    def test_whole_numbers_of_64_bits_are_exact(self, system: System) -> None:
        """To the last digit, also beside nulls: a float holds 53 bits."""
        self._kept(system, "integer", [0, -1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)])
        self._kept(system, "integer", [2**53 + 1, None, 2**63 - 1])

    def test_decimals_are_exact(self, system: System) -> None:
        """Money is no float."""
        self._kept(system, "decimal", [Decimal("0.10"), Decimal("-0.01"), Decimal("12345678901234567.89"), Decimal(7)])

    def test_floats_are_exact(self, system: System) -> None:
        """All 64 bits of them."""
        self._kept(system, "float", [0.1, -2.5, 1e-300, 1.7976931348623157e308, 0.30000000000000004])

    def test_truth_is_kept(self, system: System) -> None:
        """True is true."""
        self._kept(system, "boolean", [True, False, True])

    def test_days_are_kept(self, system: System) -> None:
        """Leap days, and those long before 1970."""
        self._kept(system, "date", [date(2024, 2, 29), date(1899, 12, 31), date(9999, 12, 31), date(1000, 1, 1)])

    def test_moments_are_kept(self, system: System) -> None:
        """To the microsecond."""
        self._kept(system, "moment", [datetime(2024, 2, 29, 23, 59, 59, 999_999), datetime(1899, 12, 31, 0, 0, 0, 1)])

    def test_times_of_day_are_kept(self, system: System) -> None:
        """From midnight to the last microsecond."""
        self._kept(system, "time", [time(0, 0), time(9, 30), time(23, 59, 59, 999_999)])

    def _kept(self, system: System, kind: Kind, values: Sequence[Any]) -> None:
        """Put the values under `value` and compare what comes, row by row."""
        columns: Columns = {"id": "integer", "value": kind}
        system.holds(columns, [{"id": at, "value": value} for at, value in enumerate(values, start=1)])
        exact = kind in system.exact or kind == "text"
        try:
            batches = batches_of(system)
        except SourceUnreadable as error:
            demand(not exact, f"the kind '{kind}' is declared as exact, and is refused: {error}")
            return
        came = {str(row["id"]): row["value"] for row in rows_of(system, batches, columns)}
        refused = sum(batch.rejects.height for batch in batches)
        demand(not (exact and refused), f"the kind '{kind}' is declared as exact, and {refused} rows are rejects")
        demand(
            len(came) + refused == len(values), f"{len(values)} rows were put, {len(came)} came, {refused} are rejects"
        )
        for at, value in enumerate(values, start=1):
            if str(at) not in came:
                continue
            told = came[str(at)]
            demand((is_same if exact else means)(value, told), f"{value!r} came as {told!r}")


_ONE_OF_EACH: dict[Kind, Any] = {
    "integer": 1, "decimal": Decimal("1.50"), "float": 1.5, "boolean": True, "date": date(2024, 2, 29),
    "moment": datetime(2024, 2, 29, 12), "time": time(12, 30),
}  # fmt: skip
