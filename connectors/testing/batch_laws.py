"""Laws of what a read hands over: every row once, placed, in bounded batches of one schema."""

from __future__ import annotations

import polars as pl

from connectors.testing.reading import (
    NUMBERED,
    PROVENANCE,
    batches_of,
    columns_of,
    demand,
    frame_of,
    keys_of,
    numbered,
    rows_of,
)
from connectors.testing.system import System


class BatchLaws:
    """See the module."""

    def test_a_source_without_rows_gives_a_batch_with_the_columns(self, system: System) -> None:
        """What is empty is known to be empty, and what it would hold."""
        system.holds(NUMBERED, [])
        batches = batches_of(system)
        demand(rows_of(system, batches, NUMBERED) == [], "a source without rows gives none")
        demand({*PROVENANCE} <= {*batches[0].frame.columns}, "an empty batch has _location and _position too")

    def test_nothing_is_lost_and_nothing_comes_twice(self, system: System) -> None:
        """Fifty-seven rows in, in batches of ten: fifty-seven out."""
        system.holds(NUMBERED, numbered(57))
        came = sorted(keys_of(rows_of(system, batches_of(system, batch_rows=10), NUMBERED)), key=int)
        demand(came == [str(number) for number in range(1, 58)], f"57 rows were put, and these came: {came}")

    def test_two_reads_give_the_same_order(self, system: System) -> None:
        """Also with other batches: what is quoted by its place must be found there again."""
        system.holds(NUMBERED, numbered(40))
        first, second = (keys_of(rows_of(system, batches_of(system, batch_rows=size), NUMBERED)) for size in (7, 11))
        demand(first == second, f"two reads differ in order: {first} and {second}")

    def test_every_row_has_a_place_of_its_own(self, system: System) -> None:
        """`_location` and `_position` are typed, filled, and together name one row."""
        system.holds(NUMBERED, numbered(23))
        frame = frame_of(batches_of(system, batch_rows=5))
        demand(frame.schema.get("_location") == pl.String, "_location is a column of type String")
        demand(frame.schema.get("_position") == pl.Int64, "_position is a column of type Int64")
        places = frame.select(PROVENANCE).rows()
        demand(all(place and at is not None for place, at in places), "no _location is empty, no _position is null")
        demand(len(set(places)) == len(places) == 23, "two rows stand at one _location and _position")

    def test_a_row_keeps_its_place(self, system: System) -> None:
        """In every read, whatever the size of its batches."""
        system.holds(NUMBERED, numbered(23))
        first, second = (rows_of(system, batches_of(system, batch_rows=size), ["id", *PROVENANCE]) for size in (4, 9))
        demand(sorted(map(str, first)) == sorted(map(str, second)), "a row's place differs from one read to the next")

    def test_a_batch_holds_no_more_rows_than_the_source_allows(self, system: System) -> None:
        """`batch_rows` bounds every batch."""
        system.holds(NUMBERED, numbered(20))
        heights = [batch.frame.height for batch in batches_of(system, batch_rows=6)]
        demand(max(heights) <= 6, f"batch_rows is 6, and batches hold {heights} rows")

    def test_a_batch_holds_no_more_bytes_than_the_source_allows(self, system: System) -> None:
        """`batch_bytes` bounds what a batch holds, but for one row that is larger by itself."""
        system.holds(NUMBERED, [{"id": number, "note": f"{number:04}" * 512} for number in range(1, 65)])
        for batch in batches_of(system, batch_bytes=16 * 1024):
            size = int(batch.frame["note"].str.len_bytes().sum())
            demand(size <= 16 * 1024 + 2048, f"batch_bytes is 16384, and a batch holds {size} bytes of text")

    def test_all_batches_have_one_schema(self, system: System) -> None:
        """Also where one batch holds nothing but nulls, or nothing but digits."""
        notes = [None, None, "1", "2", "x", "y", None, None]
        system.holds(NUMBERED, [{"id": at, "note": note or "-"} for at, note in enumerate(notes, start=1)])
        frame_of(batches_of(system, batch_rows=2))

    def test_types_do_not_depend_on_the_first_batch(self, system: System) -> None:
        """A column begins with nothing, or with what looks like another type, and goes on with what it is."""
        columns = {"id": "integer", "code": "text", "size": "integer"}
        codes = ["1", "2", "007", "x1", "1e5", "2024-01-01"]
        rows = [{"id": at, "code": code, "size": 10 ** (3 * at - 3)} for at, code in enumerate(codes, start=1)]
        system.holds(columns, rows)  # type: ignore[arg-type]  # mypy widens the literals
        came = rows_of(system, batches_of(system, batch_rows=2), columns)
        demand([row["code"] for row in came] == codes, f"{codes} came as {[row['code'] for row in came]}")
        sizes = [str(row["size"]) for row in came]
        demand(sizes == [str(row["size"]) for row in rows], f"whole numbers came as {sizes}")

    def test_columns_tells_what_a_read_gives(self, system: System) -> None:
        """Drift is judged by `columns`, before anything is read."""
        system.holds(NUMBERED, numbered(3))
        told = columns_of(system)
        frame = frame_of(batches_of(system))
        given = {name for name in frame.columns if not name.startswith("_")}  # those are the connector's own
        demand({*NUMBERED} <= {*told}, f"columns tells {sorted(told)}, and {sorted(NUMBERED)} are there")
        demand(given <= {*told}, f"a read gives {sorted(given - {*told})}, which columns does not tell")
        demand(
            not {*PROVENANCE} & {*told}, "columns tells what the source holds, which _location and _position are not"
        )
        demand(all(isinstance(kind, str) and kind for kind in told.values()), "columns tells a type for each name")

    def test_a_column_that_came_and_one_that_went_are_seen(self, system: System) -> None:
        """`columns` tells what is there and not what the contract hopes for."""
        system.holds({"id": "integer", "extra": "text"}, [{"id": 1, "extra": "x"}, {"id": 2, "extra": "y"}])
        told = columns_of(system, system.dataset(NUMBERED))
        demand("extra" in told, "a column that the contract does not know is not told")
        demand("note" not in told, "a column that is not there is told as if it were")
