"""The faults of docs/fault-stories.md, planted in the example, are met by the stage that the story names."""

import importlib.util
import sys

import pytest

from catalog.errors import ChangeHeld, ContractBlocked
from pipelines import stages
from pipelines.site import Site
from tests.examples.conftest import EXAMPLE


@pytest.fixture(scope="module")
def faults():
    spec = importlib.util.spec_from_file_location("airline_faults", EXAMPLE / "faults.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def planted(small, faults, capsys):
    """`planted(name)` plants a fault by the command line."""
    return lambda name: faults.main([name, "--folder", str(small / "systems")])


def ready(small, *names):
    site = Site.open(small)
    for name in names:
        stages.pull(site, name, run_id="r")
    return [stages.make_ready(site, name, run_id="r") for name in names]


def test_crew_without_a_number_is_set_aside_and_comes_back_with_it(small, planted):
    assert planted("null-key") == 0
    (crew,) = ready(small, "crew")
    assert (crew.rows, crew.quarantined, crew.verdict) == (297, 3, "quarantine")
    assert planted("repair") == 0
    (crew,) = ready(small, "crew")
    assert (crew.rows, crew.quarantined, crew.findings) == (300, 0, ())


def test_a_weather_export_that_breaks_off_is_held(small, planted):
    ready(small, "weather")
    assert planted("dropped-export") == 0
    with pytest.raises(ChangeHeld):
        ready(small, "weather")


def test_a_column_with_another_name_blocks_and_the_finding_names_it(small, planted):
    ready(small, "airlines")
    assert planted("renamed-column") == 0
    with pytest.raises(ContractBlocked) as blocked:
        ready(small, "airlines")
    assert not isinstance(blocked.value, ChangeHeld)
    (finding,) = Site.open(small).ledger.findings(dataset="airlines", stage="raw")
    assert "physicalName: CARRIER_NAME" in finding.remedy


def test_a_misplaced_airport_is_one_more_conflict_and_the_system_of_record_wins(small, planted):
    def conflicts():
        ready(small, "airports", "facilities")
        found = stages.find_gaps(Site.open(small), run_id="r").findings
        return next(one for one in found if one.rule == "registers-disagree/latitude")

    before = conflicts()
    assert planted("two-systems") == 0
    after = conflicts()
    assert after.count == before.count + 1
    (row,) = (row for row in after.evidence["rows"] if row["airports"] == "53.214")
    assert row["winner"] == "facilities"


def test_without_systems_nothing_is_planted(tmp_path, faults, capsys):
    assert faults.main(["null-key", "--folder", str(tmp_path)]) == 2
    assert "Build them: seed.py" in capsys.readouterr().err
