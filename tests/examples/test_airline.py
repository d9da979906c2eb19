"""The contracts of the airline example against its data: types, keys, counts, and the gaps that its report promises."""

from datetime import UTC, datetime

import polars as pl
import pytest

from catalog import load_project
from catalog.models import Classification

READ = {
    "aircraft": 3_322, "airlines": 16, "airports": 1_458, "crew": 300, "facilities": 2_134, "flights": 336_776,
    "guides": 10, "weather": 26_115,
}  # fmt: skip
YEAR = (datetime(2013, 1, 1, 5, tzinfo=UTC), datetime(2014, 1, 1, 4, tzinfo=UTC))


@pytest.fixture(scope="module")
def project(airline):
    return load_project(airline)


@pytest.fixture(scope="module")
def frames(airline, project, rows):
    return {name: rows(airline, name) for name in project.datasets}


def test_the_project_loads_and_names_its_systems(project):
    assert set(project.datasets) == set(READ)
    assert len(project.questions) == 3
    assert all(dataset.owner and dataset.description for dataset in project.datasets.values())


def test_every_row_of_every_system_is_read_as_its_contract_says(frames):
    assert {name: frame.height for name, frame in frames.items()} == READ
    for name, frame in frames.items():
        assert frame["_outcome"].unique().to_list() == ["ready"], name
        assert frame["_faults"].list.len().sum() == 0, name
        assert frame["_key"].null_count() == 0, name
        assert frame["_key"].is_unique().all(), name


def test_no_system_drifts_from_its_contract(airline, project):
    import connectors

    for dataset in project.datasets.values():
        assert connectors.drift(project.sources[dataset.source], dataset, folder=airline) == [], dataset.name


def test_the_scheduled_departure_is_the_moment_the_published_data_says(frames, seeding):
    published = seeding.read_tables()["flights"].select(
        pl.format(
            "{}|{}|{}|{}",
            pl.date("year", "month", "day").cast(pl.String), "carrier", "flight", "origin",
        ).alias("_key"),
        pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC").alias("hour"),
    )  # fmt: skip
    joined = frames["flights"].join(published, on="_key")
    assert joined.height == READ["flights"]
    assert (joined["scheduled_departure"].dt.truncate("1h") == joined["hour"]).all()


def test_721_tail_numbers_flew_50_094_flights_without_a_registry_record(frames):
    unknown = frames["flights"].drop_nulls("tail_number").join(frames["aircraft"], on="tail_number", how="anti")
    assert (unknown.height, unknown["tail_number"].n_unique()) == (50_094, 721)


def test_2_512_flights_have_no_tail_number_and_all_of_them_were_cancelled(frames):
    nameless = frames["flights"].filter(pl.col("tail_number").is_null())
    assert nameless.height == 2_512
    assert nameless["departure_time"].null_count() == 2_512


def test_four_destinations_are_not_listed_and_the_facilities_master_knows_them(frames):
    unlisted = frames["flights"].join(frames["airports"], left_on="destination", right_on="code", how="anti")
    assert unlisted.height == 7_602
    codes = set(unlisted["destination"])
    assert codes == {"SJU", "BQN", "STT", "PSE"}
    assert codes <= set(frames["facilities"]["code"])
    assert set(frames["flights"]["destination"]) <= set(frames["facilities"]["code"])


def test_122_listed_airports_are_not_in_the_facilities_master(frames):
    assert frames["airports"].join(frames["facilities"], on="code", how="anti").height == 122


def test_weather_hours_are_missing_at_every_station_of_the_local_year(frames, project):
    rule = next(rule for rule in project.datasets["weather"].gap_rules if rule.kind == "missing_period")
    assert (datetime.fromisoformat(rule.start), datetime.fromisoformat(rule.end)) == YEAR
    hours = pl.datetime_range(*YEAR, "1h", time_unit="us", eager=True)
    observed = frames["weather"].filter(pl.col("observed_at").is_between(*YEAR)).group_by("station").len()
    assert len(hours) == 8_760
    missing = {station: len(hours) - count for station, count in observed.iter_rows()}
    assert missing == {"EWR": 57, "JFK": 54, "LGA": 54}


def test_the_two_airport_registers_disagree_on_some_airports_in_each_compared_field(frames, project):
    rule = next(rule for rule in project.datasets["airports"].gap_rules if rule.kind == "conflict")
    both = frames["airports"].join(frames["facilities"], on="code", suffix="_theirs")
    assert both.height == 1_336
    for one in rule.compare:
        ours, theirs = pl.col(one.field), pl.col(f"{one.other}_theirs")
        differs = (ours - theirs).abs() > one.tolerance if one.tolerance else ours != theirs
        assert 50 <= both.filter(differs).height <= 80, one.field


def test_only_a_wind_of_1_048_miles_an_hour_breaks_a_range(frames, project):
    """The ranges, lengths, patterns and required values of all contracts, without Great Expectations."""
    broken = {
        (rule.name, key)
        for name, dataset in project.datasets.items()
        for rule in dataset.rules
        if rule.field and rule.action == "quarantine" and (expression := _breaks(rule)) is not None
        for key in frames[name].filter(expression)["_key"]
    }
    assert broken == {("wind_kmh-range", "EWR|2013-02-12T08:00:00Z")}


def _breaks(rule):
    value, given = pl.col(rule.field), rule.arguments
    match rule.kind:
        case "not_null":
            return value.is_null()
        case "range":
            ends = [pl.lit(end).str.to_date() if isinstance(end, str) else end for end in (given["min"], given["max"])]
            return (value < ends[0]) | (value > ends[1])
        case "length":
            return ~value.str.len_chars().is_between(given["min"], given["max"])
        case "pattern":
            return ~value.str.contains(given["regex"])
        case "in_set":
            return ~value.is_in(list(given["values"]))
    return None


def test_some_eight_thousand_short_documents_are_told(frames, project):
    import index

    chunks = pl.concat(
        index.render(dataset, frames, project=project, known=None, mask_key=bytes(32))
        for dataset in project.datasets.values()
    )
    words = chunks["text"].str.count_matches(r"\S+")
    assert 8_000 <= chunks.height <= 9_000
    assert words.mean() < 50
    assert dict(chunks.group_by("dataset").agg(pl.col("rows").sum()).iter_rows()) == READ


def test_the_unregistered_aircraft_of_san_juan_are_told_in_words(frames, project):
    import index

    chunks = index.render(project.datasets["flights"], frames, project=project, known=None, mask_key=bytes(32))
    told = chunks.filter((pl.col("kind") == "unregistered_aircraft") & pl.col("text").str.contains("San Juan"))
    assert told.height == 191
    assert told["text"].str.contains("has no record in the aircraft registry").all()
    one = chunks.filter((pl.col("kind") == "destination") & (pl.col("key") == "SJU"))["text"].item()
    assert "Flights by aircraft without a registry record: 1083, by 191 aircraft" in one


def test_a_stranger_sees_only_public_documents_and_crew_are_told_without_names(frames, project):
    import index

    levels = {
        name: set(index.render(dataset, frames, project=project, known=None, mask_key=bytes(32))["classification"])
        for name, dataset in project.datasets.items()
    }
    public = {name for name, level in levels.items() if level == {int(Classification.public)}}
    assert public == {"airports", "facilities", "guides", "weather"}
    crew = index.render(project.datasets["crew"], frames, project=project, known=None, mask_key=bytes(32))
    assert crew["roles"].to_list() == [["crew_office"]] * 300
    told = " ".join([*crew["text"], *crew["title"]])
    for field in ("full_name", "email", "phone", "licence_no"):
        assert not [value for value in frames["crew"][field] if value in told], field


def test_ten_guides_are_marked_as_example_text(frames):
    guides = frames["guides"]
    assert guides["text"].str.contains("Not for operational use").all()
    assert guides["text"].str.count_matches(r"\S+").is_between(200, 450).all()
    assert guides["revised"].null_count() == 0
