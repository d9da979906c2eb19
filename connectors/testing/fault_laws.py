"""Laws of failing: a fault is one of two errors, with what to do, and without a secret or a row's value."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable

from catalog.errors import SourceError, SourceUnreachable, SourceUnreadable
from connectors.testing.reading import NUMBERED, batches_of, columns_of, demand, fault_of
from connectors.testing.system import System

VALUE = "value of one row 4711"  # what no error may show


class FaultLaws:
    """See the module."""

    def test_a_source_that_does_not_answer_is_unreachable(self, system: System) -> None:
        """For `read` and for `columns`; an empty answer would delete what is indexed."""
        for error in self._faults(system, system.vanish, batches_of, columns_of):
            demand(isinstance(error, SourceUnreachable), f"what is not there is {type(error).__name__}")

    def test_a_source_that_answers_nonsense_is_unreadable(self, system: System) -> None:
        """It is there, so nobody needs to look for it."""
        for error in self._faults(system, system.spoil, batches_of):
            demand(isinstance(error, SourceUnreadable), f"what is there and cannot be read is {type(error).__name__}")

    def test_an_error_says_where_and_what_to_do(self, system: System) -> None:
        """Its source, its dataset, what is wrong and the remedy."""
        for fault in (system.vanish, system.spoil):
            for error in self._faults(system, fault, batches_of):
                demand((error.source, error.dataset) == ("system", "things"), "the error names source and dataset")
                demand(error.detail.strip(), "the error says what is wrong")
                demand(error.remedy.strip(), f"the error says what to do: {error}")

    def test_an_error_survives_the_way_between_processes(self, system: System) -> None:
        """Runs cross process boundaries, and an error is pickled there."""
        for fault in (system.vanish, system.spoil):
            for error in self._faults(system, fault, batches_of):
                try:
                    told = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled here
                except Exception as cause:
                    raise AssertionError(f"the error does not survive pickling: {type(cause).__name__}") from cause
                demand((type(told), str(told)) == (type(error), str(error)), "the error changes when it is pickled")

    def test_an_error_tells_no_secret_and_no_value(self, system: System) -> None:
        """Nor does the error it was raised from: both end up in logs."""
        for fault in (system.vanish, system.spoil):
            for error in self._faults(system, fault, batches_of):
                shown = "".join(traceback.format_exception(error)) + repr(error.args)
                demand(VALUE not in shown, "the error shows the value of a row")
                demand(not system.secret or system.secret not in shown, "the error shows the password")

    def _faults(
        self, system: System, fault: Callable[[], None], *questions: Callable[[System], object]
    ) -> list[SourceError]:
        system.holds(NUMBERED, [{"id": 1, "note": VALUE}, {"id": 2, "note": VALUE}])
        fault()
        return [fault_of(lambda ask=ask: ask(system)) for ask in questions]  # type: ignore[misc]  # a default binds it
