"""Laws of change: what a source says of itself without being read, and what has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from catalog.errors import SourceError
from connectors.batch import Batch, Since
from connectors.marking import mark_of
from connectors.testing.reading import NUMBERED, batches_of, demand, frame_of, numbered, rows_of, stream
from connectors.testing.system import DoesNotApply, System

INCREMENTAL_LAWS = (
    "test_changes_applied_to_a_whole_read_give_the_next_whole_read",
    "test_lost_rows_are_told_as_gone",
    "test_where_nothing_changed_nothing_is_told",
    "test_what_was_not_taken_is_told_again",
    "test_a_cursor_nobody_knows_is_refused_or_makes_the_read_whole",
)
UNKNOWN_OPTION = "no_such_option_in_the_world"


class ChangeLaws:
    """See the module."""

    def test_the_mark_differs_when_the_rows_do(self, system: System) -> None:
        """And only then: an equal mark spares the read, a mark of a lost row loses it."""
        system.holds(NUMBERED, numbered(5))
        first = self._mark(system)
        demand(first == self._mark(system), "the mark differs, and nothing changed")
        system.changes([{"id": 3, "note": "note 9"}])
        second = self._mark(system)
        demand(second != first, "a row changed, and the mark did not")
        system.loses([5])
        demand(self._mark(system) != second, "a row is gone, and the mark did not change")

    def test_an_unknown_option_is_told(self, system: System) -> None:
        """A misspelt option would do nothing, and nobody would know."""
        if not hasattr(system.connector, "check_options"):
            raise DoesNotApply("the connector has no check_options")
        system.holds(NUMBERED, numbered(1))
        known = system.source().options
        demand(list(system.connector.check_options(known)) == [], "the system's own options are found fault with")
        told = system.connector.check_options({**known, UNKNOWN_OPTION: 1})
        demand(any(UNKNOWN_OPTION in one for one in told), "an unknown option is not told by its name")

    def test_changes_applied_to_a_whole_read_give_the_next_whole_read(self, system: System, tmp_path: Path) -> None:
        """New rows, changed rows and lost rows, in batches of two."""
        held, since = self._begun(system, tmp_path, 9)
        system.changes([{"id": 4, "note": "changed"}, {"id": 12, "note": "new"}, {"id": 13, "note": "new too"}])
        system.loses([2, 9])
        told = self._since(system, since, batch_rows=2)
        now = _told(system, batches_of(system))
        demand(
            _applied(system, held, told) == now,
            f"changes give {_applied(system, held, told)}, and the source holds {now}",
        )

    def test_lost_rows_are_told_as_gone(self, system: System, tmp_path: Path) -> None:
        """By their key, or by a read that is whole again."""
        held, since = self._begun(system, tmp_path, 4)
        system.loses([1, 3])
        demand(
            {*_applied(system, held, self._since(system, since))} == {"2", "4"},
            "rows that the source lost are still held",
        )

    def test_where_nothing_changed_nothing_is_told(self, system: System, tmp_path: Path) -> None:
        """Unless the read is whole again, rows come only once."""
        held, since = self._begun(system, tmp_path, 6)
        told = self._since(system, since)
        demand(_applied(system, held, told) == held, "nothing changed, and what is held differs")
        if not told[0].whole:
            count = sum(batch.frame.height for batch in told)
            demand(count < len(held), f"nothing changed, and {count} of {len(held)} rows come again")

    def test_what_was_not_taken_is_told_again(self, system: System, tmp_path: Path) -> None:
        """A cursor counts once the rows are kept; a connector that notes how far it told loses them."""
        held, since = self._begun(system, tmp_path, 5)
        system.changes([{"id": number, "note": "later"} for number in (1, 2, 8, 9)])
        system.loses([4])
        given_up: Any = stream(system, since=since, batch_rows=1)
        next(given_up)
        if hasattr(given_up, "close"):
            given_up.close()
        first, second = (_applied(system, held, self._since(system, since)) for _ in range(2))
        now = _told(system, batches_of(system))
        demand(first == second == now, f"after a read that was given up the next gives {first}, not {now}")

    def test_a_cursor_nobody_knows_is_refused_or_makes_the_read_whole(self, system: System, tmp_path: Path) -> None:
        """Of an older version, or of a log that was cut meanwhile."""
        held, since = self._begun(system, tmp_path, 4)
        system.changes([{"id": 7, "note": "new"}])
        strange = Since({"landbridge": "no such cursor"}, since.rows)
        try:
            told = batches_of(system, since=strange)
        except SourceError:
            return
        now = _told(system, batches_of(system))
        demand(all(batch.whole for batch in told), "a read from a cursor nobody knows says it tells changes")
        demand(_applied(system, held, told) == now, "a read from a cursor nobody knows is not a whole one")

    def _mark(self, system: System) -> str:
        told = mark_of(system.connector, system.source(), system.dataset(), folder=system.folder)
        if told is None:
            raise DoesNotApply("the connector has no mark, and is always asked")
        demand(isinstance(told, str), "a mark is a text")
        return told

    def _begun(self, system: System, folder: Path, count: int) -> tuple[dict[str, Any], Since]:
        """Rows after a whole read, and what the next read is given."""
        if not getattr(system.connector, "INCREMENTAL", False):
            raise DoesNotApply("the connector always reads everything")
        system.holds(NUMBERED, numbered(count))
        batches = batches_of(system, batch_rows=2)
        demand(all(batch.whole and batch.gone is None for batch in batches), "a read without `since` is whole")
        return _applied(system, {}, batches), _next(batches, folder)

    def _since(self, system: System, since: Since, **habits: Any) -> list[Batch]:
        told = batches_of(system, since=since, **habits)
        demand(len({batch.whole for batch in told}) == 1, "`whole` differs between the batches of one read")
        demand(told[-1].cursor is not None, "the last batch has no cursor, and the next read could not begin there")
        return told


def _next(batches: list[Batch], folder: Path) -> Since:
    """What is held after a read, as the raw stage keeps it."""
    early = [at for at, batch in enumerate(batches[:-1]) if batch.cursor is not None]
    demand(not early, "a batch before the last has a cursor; it would count before all rows are kept")
    cursor = batches[-1].cursor
    demand(cursor is not None, "the last batch of a whole read has no cursor")
    path = folder / "held.parquet"
    frame_of(batches).write_parquet(path)
    try:
        return Since(json.loads(json.dumps(cursor)), path)
    except TypeError:
        raise AssertionError("a cursor is kept as JSON, and this one is none") from None


def _applied(system: System, held: Mapping[str, Any], batches: Iterable[Batch]) -> dict[str, Any]:
    """Note and location by key, after a read."""
    told = list(batches)
    came = _told(system, told)
    if told[0].whole:
        return came
    kept = told[-1].kept
    if kept is not None:  # by file
        return {**{key: (note, kept[place]) for key, (note, place) in held.items() if place in kept}, **came}
    gone = {str(key) for batch in told if batch.gone is not None for key in batch.gone["id"].to_list()}
    return {**{key: one for key, one in held.items() if key not in gone}, **came}


def _told(system: System, batches: list[Batch]) -> dict[str, Any]:
    """Note and location by key."""
    return {
        str(row["id"]): (row["note"], row["_location"]) for row in rows_of(system, batches, [*NUMBERED, "_location"])
    }
