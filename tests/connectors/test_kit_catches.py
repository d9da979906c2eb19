"""The laws can be broken: for each there is a connector that breaks it, and the law says so."""

import itertools
import threading
import time
import unicodedata
from dataclasses import replace
from datetime import timedelta

import polars as pl
import polars.selectors as cs
import pytest

from catalog.errors import SourceUnreachable, SourceUnreadable
from connectors.batch import Batch
from connectors.bounding import bounded
from connectors.testing import ConnectorConformance, RowsConnector
from connectors.testing.conformance import laws
from tests.connectors.files_under_law import Csv, Rows

BROKEN = {}


def breaks(*names):
    """Note a connector as one that breaks these laws."""

    def noted(connector):
        for name in names:
            BROKEN.setdefault(name, []).append(connector)
        return connector

    return noted


class Bent(RowsConnector):
    """A connector whose frames are bent."""

    def read(self, source, dataset, *, folder, since=None):
        for batch in super().read(source, dataset, folder=folder, since=since):
            yield replace(batch, frame=self.bent(batch.frame))


def bending(change, *names):
    """A connector that applies `change` to every frame."""
    breaks(*names)(type("Bending", (Bent,), {"bent": staticmethod(change)}))


TEXT = cs.string() - cs.by_name("_location")

bending(lambda frame: frame.filter(pl.col("id") != 23), "test_nothing_is_lost_and_nothing_comes_twice")
bending(lambda frame: pl.concat([frame, frame.tail(1)]), "test_nothing_is_lost_and_nothing_comes_twice")
bending(lambda frame: frame.with_columns(_position=pl.lit(1, pl.Int64)), "test_every_row_has_a_place_of_its_own")
bending(lambda frame: frame.with_columns(pl.col("_position").cast(pl.UInt32)), "test_every_row_has_a_place_of_its_own")
bending(lambda frame: frame.with_columns(_location=pl.lit("")), "test_every_row_has_a_place_of_its_own")
bending(lambda frame: frame.with_columns(_position=pl.int_range(pl.len())), "test_a_row_keeps_its_place")
bending(lambda frame: frame.drop("note"), "test_a_source_without_rows_gives_a_batch_with_the_columns")
bending(lambda frame: frame.rename({"note": "NOTE"}), "test_columns_tells_what_a_read_gives")
bending(
    lambda frame: frame.with_columns(TEXT.cast(pl.Int64)) if frame["note"].str.contains("^[0-9]+$").all() else frame,
    "test_all_batches_have_one_schema",
)
bending(
    lambda frame: pl.DataFrame(frame.rows(), schema=frame.columns, orient="row").with_columns(
        pl.col("code").cast(pl.Int64, strict=False) if frame["id"][0] == 1 else pl.col("code")
    ),
    "test_types_do_not_depend_on_the_first_batch",
)
bending(
    lambda frame: frame.with_columns(TEXT.map_elements(lambda one: unicodedata.normalize("NFC", one), pl.String)),
    "test_text_comes_as_it_is",
)
bending(lambda frame: frame.with_columns(TEXT.replace("NULL", None)), "test_text_comes_as_it_is")
bending(lambda frame: frame.with_columns(TEXT.str.replace_all("\r\n", "\n")), "test_line_breaks_in_text_are_kept")
bending(lambda frame: frame.with_columns(TEXT.str.strip_chars()), "test_blanks_at_the_edges_of_text_are_kept")
bending(lambda frame: frame.with_columns(TEXT.replace("", None)), "test_no_value_and_empty_text_are_two_things")
bending(lambda frame: frame.with_columns(TEXT.fill_null("")), "test_no_value_and_empty_text_are_two_things")
bending(lambda frame: frame.with_columns(cs.numeric().fill_null(0)), "test_a_null_is_a_null_in_every_type")
bending(
    lambda frame: frame.with_columns(pl.col("value").cast(pl.Float64).cast(pl.Int64, strict=False)),
    "test_whole_numbers_of_64_bits_are_exact",
)
bending(lambda frame: frame.with_columns(pl.col("value").cast(pl.Float64)), "test_decimals_are_exact")
bending(lambda frame: frame.with_columns(pl.col("value").cast(pl.Float64).cast(pl.String)), "test_decimals_are_exact")
bending(lambda frame: frame.with_columns(pl.col("value").cast(pl.Float32).cast(pl.Float64)), "test_floats_are_exact")
bending(lambda frame: frame.with_columns(pl.col("value").cast(pl.Int64)), "test_truth_is_kept")
bending(lambda frame: frame.with_columns(pl.col("value").dt.strftime("%d/%m/%y")), "test_days_are_kept")
bending(lambda frame: frame.with_columns(pl.col("value").dt.truncate("1ms")), "test_moments_are_kept")
bending(lambda frame: frame.with_columns(pl.col("value") + timedelta(hours=1)), "test_moments_are_kept")
bending(lambda frame: frame.with_columns(pl.col("value").dt.strftime("%H:%M")), "test_times_of_day_are_kept")


@breaks("test_a_source_without_rows_gives_a_batch_with_the_columns")
class Silent(RowsConnector):
    """Nothing at all where there are no rows."""

    def read(self, source, dataset, *, folder, since=None):
        return (one for one in super().read(source, dataset, folder=folder, since=since) if one.frame.height)


@breaks("test_two_reads_give_the_same_order")
class Shuffled(RowsConnector):
    """Every read begins elsewhere."""

    reads = itertools.count(1)

    def read(self, source, dataset, *, folder, since=None):
        batches = list(super().read(source, dataset, folder=folder, since=since))
        at = next(self.reads) % len(batches)
        return iter(batches[at:] + batches[:at])


@breaks(
    "test_a_batch_holds_no_more_rows_than_the_source_allows", "test_a_batch_holds_no_more_bytes_than_the_source_allows",
    "test_the_first_batch_comes_before_everything_is_read",
)  # fmt: skip
class AtOnce(RowsConnector):
    """Everything in one batch."""

    def read(self, source, dataset, *, folder, since=None):
        *_, last = batches = list(super().read(source, dataset, folder=folder, since=since))
        yield replace(last, frame=pl.concat([one.frame for one in batches]))


@breaks("test_the_first_batch_comes_before_everything_is_read")
class Late(RowsConnector):
    """Everything is read before anything is told."""

    def read(self, source, dataset, *, folder, since=None):
        time.sleep(0.4)
        return super().read(source, dataset, folder=folder, since=since)


@breaks("test_memory_does_not_grow_with_the_source")
class Hoarding(RowsConnector):
    """What was told is kept."""

    def read(self, source, dataset, *, folder, since=None):
        kept = []
        for batch in super().read(source, dataset, folder=folder, since=since):
            kept.append(batch.frame.to_dicts())
            yield replace(batch, frame=pl.DataFrame(batch.frame.to_arrow().to_pylist()))


@breaks("test_a_read_that_is_given_up_lets_go")
class Leaking(RowsConnector):
    """A file for every read that nobody closes."""

    opened = []  # noqa: RUF012

    def read(self, source, dataset, *, folder, since=None):
        self.opened.append((folder / "lock").open("w"))
        yield from super().read(source, dataset, folder=folder, since=since)


@breaks("test_two_threads_read_at_once")
class OneAtATime(RowsConnector):
    """A second read fails while the first one goes on."""

    def __init__(self):
        self.busy = threading.Lock()

    def read(self, source, dataset, *, folder, since=None):
        if not self.busy.acquire(blocking=False):
            raise SourceUnreadable(source.name, dataset.name, "busy", "Wait.")
        time.sleep(0.2)
        yield from super().read(source, dataset, folder=folder, since=since)
        self.busy.release()


@breaks("test_columns_tells_what_a_read_gives")
class Forgetful(RowsConnector):
    def columns(self, source, dataset, *, folder):
        return {"id": "int64"}


@breaks("test_a_column_that_came_and_one_that_went_are_seen")
class Trusting(RowsConnector):
    """What the contract promises is told as if it were there."""

    def columns(self, source, dataset, *, folder):
        return {field.physical_name: "text" for field in dataset.fields}


@breaks("test_a_source_that_does_not_answer_is_unreachable")
class Placid(RowsConnector):
    """No rows where nothing answers."""

    def read(self, source, dataset, *, folder, since=None):
        try:
            yield from super().read(source, dataset, folder=folder, since=since)
        except SourceUnreachable:
            yield Batch(pl.DataFrame(schema={"id": pl.Int64, "_location": pl.String, "_position": pl.Int64}))


@breaks("test_a_source_that_does_not_answer_is_unreachable", "test_a_source_that_answers_nonsense_is_unreadable")
class Raw(RowsConnector):
    """Errors as they come."""

    def read(self, source, dataset, *, folder, since=None):
        rows = source.options["tables"]["things"]
        yield Batch(pl.DataFrame([row.items() for row in rows]))


class Failing(RowsConnector):
    """A connector whose errors are told by `error`."""

    def read(self, source, dataset, *, folder, since=None):
        try:
            yield from super().read(source, dataset, folder=folder, since=since)
        except (SourceUnreachable, SourceUnreadable) as error:
            self.error(source, error)


@breaks("test_a_source_that_answers_nonsense_is_unreadable")
class Mistaken(Failing):
    def error(self, source, error):
        raise SourceUnreachable(error.source, error.dataset, "gone", "Look for it.")


@breaks("test_an_error_says_where_and_what_to_do")
class Terse(Failing):
    def error(self, source, error):
        raise type(error)(error.source, error.dataset, "no")


@breaks("test_an_error_says_where_and_what_to_do")
class Lost(Failing):
    def error(self, source, error):
        raise type(error)("it", "them", "no", "Try again.")


class Keyed(SourceUnreachable):
    """An error of another signature, which pickle makes again in vain."""

    def __init__(self, *, told):
        super().__init__("system", "things", told, "Do.")


@breaks("test_an_error_survives_the_way_between_processes")
class Unpicklable(Failing):
    def error(self, source, error):
        raise Keyed(told="gone")


@breaks("test_an_error_tells_no_secret_and_no_value")
class Chatty(Failing):
    def error(self, source, error):
        raise SourceUnreadable(error.source, error.dataset, f"bad: {source.options}", "Do.")


@breaks("test_an_error_tells_no_secret_and_no_value")
class ChattyBehind(Failing):
    """The error is silent, and the one it was raised from is not."""

    def error(self, source, error):
        raise SourceUnreadable(error.source, error.dataset, "bad", "Do.") from ValueError(str(source.options))


class Blabbing(Failing):
    def error(self, source, error):
        raise SourceUnreachable(error.source, error.dataset, "http://reader:a-password@host refuses", "Do.")


@breaks("test_the_mark_differs_when_the_rows_do")
class Blind(RowsConnector):
    def mark(self, source, dataset, *, folder):
        return "always the same"


@breaks("test_the_mark_differs_when_the_rows_do")
class Nervous(RowsConnector):
    def mark(self, source, dataset, *, folder):
        return str(time.perf_counter_ns())


@breaks("test_an_unknown_option_is_told")
class Tolerant(RowsConnector):
    def check_options(self, options):
        return []


@breaks("test_an_unknown_option_is_told")
class Picky(RowsConnector):
    def check_options(self, options):
        return [f"{name} is wrong" for name in options]


class Changed(RowsConnector):
    """A connector whose changes are bent by `told`."""

    def read(self, source, dataset, *, folder, since=None):
        for batch in super().read(source, dataset, folder=folder, since=since):
            yield batch if since is None else self.told(batch)


@breaks("test_lost_rows_are_told_as_gone", "test_changes_applied_to_a_whole_read_give_the_next_whole_read")
class Keeping(Changed):
    """What is gone is not told."""

    def told(self, batch):
        return replace(batch, gone=None)


@breaks("test_changes_applied_to_a_whole_read_give_the_next_whole_read")
class OnlyNew(Changed):
    """Changed rows are not told."""

    def told(self, batch):
        return replace(batch, frame=batch.frame.filter(pl.col("id") > 9))


@breaks("test_where_nothing_changed_nothing_is_told")
class Repeating(RowsConnector):
    """Everything, called changes."""

    def read(self, source, dataset, *, folder, since=None):
        for batch in super().read(source, dataset, folder=folder):
            yield replace(batch, whole=since is None)


@breaks("test_what_was_not_taken_is_told_again")
class Noting(RowsConnector):
    """It notes for itself how far it told."""

    told = False

    def read(self, source, dataset, *, folder, since=None):
        batches = super().read(source, dataset, folder=folder, since=since)
        if since is None:
            return batches
        if self.told:
            return iter([replace(list(batches)[-1], frame=pl.DataFrame({"id": [], "note": []}), gone=None)])
        self.told = True
        return batches


@breaks("test_a_cursor_nobody_knows_is_refused_or_makes_the_read_whole")
class Credulous(RowsConnector):
    """Any cursor is taken for one that says nothing changed."""

    def read(self, source, dataset, *, folder, since=None):
        for batch in super().read(source, dataset, folder=folder, since=since):
            known = since is None or "columns" in since.cursor
            yield batch if known else replace(batch, frame=batch.frame.clear(), whole=False)


@breaks("test_changes_applied_to_a_whole_read_give_the_next_whole_read")
class Early(RowsConnector):
    """A cursor on every batch, as if each were the last."""

    def read(self, source, dataset, *, folder, since=None):
        for batch in super().read(source, dataset, folder=folder, since=since):
            yield replace(batch, cursor={"columns": []})


def test_there_is_a_broken_connector_for_every_law():
    assert sorted(BROKEN) == laws()


@pytest.mark.parametrize(
    ("law", "connector"),
    [pytest.param(law, one, id=f"{law}-{at}") for law, them in BROKEN.items() for at, one in enumerate(them)],
)
def test_a_connector_that_breaks_a_law_is_caught(law, connector, tmp_path):
    system = Rows(tmp_path)
    system.connector = connector()
    known = {"tmp_path": tmp_path} if "tmp_path" in getattr(ConnectorConformance, law).__annotations__ else {}
    with pytest.raises(AssertionError):
        getattr(ConnectorConformance(), law)(system, **known)


class WholeFile:
    """A file read into one frame and handed over in slices, which hold all of it."""

    def read(self, source, dataset, *, folder):
        frame = pl.read_csv(folder / "in" / "things.csv", infer_schema=False)
        yield from map(Batch, bounded(frame, source))


def test_a_file_that_is_read_whole_and_told_in_slices_is_caught(tmp_path):
    system = Csv(tmp_path)
    system.connector = WholeFile()
    with pytest.raises(AssertionError, match="a read of 24 MiB in batches of 256 KiB held"):
        ConnectorConformance().test_memory_does_not_grow_with_the_source(system)


def test_an_error_that_shows_the_password_is_caught(tmp_path):
    system = Rows(tmp_path)
    system.connector, system.secret = Blabbing(), "a-password"
    with pytest.raises(AssertionError, match="the error shows the password"):
        ConnectorConformance().test_an_error_tells_no_secret_and_no_value(system)


def test_what_does_not_apply_must_be_a_law():
    with pytest.raises(TypeError, match="'test_no_such_law', which is no law"):
        type("Mine", (ConnectorConformance,), {"does_not_apply": {"test_no_such_law": "because"}})
