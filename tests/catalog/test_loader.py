"""A valid folder becomes a linked project; every fault of a spoiled one is told with file, line and remedy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import Classification, ProjectError, load_project
from catalog.errors import Problem

Spoil = Callable[..., Path]
Problems = Callable[[Path], tuple[Problem, ...]]

AIRLINE = Path(__file__).parents[2] / "examples" / "airline"
TRIPS = "datasets/trips.odcs.yaml"
PORTS = "datasets/ports.odcs.yaml"
RECORDS = "datasets/records.odcs.yaml"
OPS = "sources/ops.yaml"
PEOPLE = "policies/people.yaml"


def test_a_valid_folder_loads_with_its_sources_datasets_and_policy(folder: Path) -> None:
    project = load_project(folder)
    assert (project.name, project.time_zone, project.schedule) == ("tiny", "Europe/Berlin", "0 2 * * *")
    assert sorted(project.sources) == ["ops", "registry"]
    assert sorted(project.datasets) == ["ports", "records", "trips"]
    assert project.policy.local.clearance is Classification.restricted
    assert project.policy.principals[0].key == "${env:DESK_KEY}"
    assert project.folder == folder.resolve()


def test_a_contract_becomes_a_dataset_with_all_it_says(folder: Path) -> None:
    trips = load_project(folder).datasets["trips"]
    assert (trips.title, trips.owner, trips.domain, trips.physical_name) == ("Trips", "ops-team", "operations", "TRIPS")
    assert (trips.roles, trips.freshness, trips.key) == (("dispatcher",), timedelta(hours=26), ("id",))
    assert trips.description == "Every trip. Two years only."
    assert trips.keep == {"state": ("open", "done")}
    left, weight = trips.field("left_at"), trips.field("weight")
    assert left.physical_name == "left_at"
    assert left.combine is not None and left.combine.zone == "America/New_York"
    assert weight.null_values == ("NA", "-999")
    assert weight.personal
    assert weight.classification is Classification.confidential
    assert trips.relations[0].to_fields == ("code",)
    assert trips.documents[1].only_missing_in == ("ports", "code")
    assert [gap.kind for gap in trips.gap_rules] == ["missing_reference", "missing_period", "missing_value", "conflict"]
    assert (trips.place.file, trips.place.line) == (TRIPS, 4)


def test_a_fingerprint_follows_content_and_not_layout(folder: Path, spoil: Spoil) -> None:
    before = load_project(folder).datasets["ports"].fingerprint
    spoil(PORTS, "schema:", "# a comment\n\nschema:")
    assert load_project(folder).datasets["ports"].fingerprint == before
    spoil(PORTS, "businessName: Ports", "businessName: Harbours")
    assert load_project(folder).datasets["ports"].fingerprint != before


SPOILED = [
    # what a person did, where; the line that must be named; words that must be in the one problem
    ("project.yaml", "title:", "titel:", 2, "unknown key 'titel'. Did you mean 'title'?"),
    ("project.yaml", "name: tiny", "name: Tiny Town", 1, "is no name. Use lowercase letters"),
    ("project.yaml", "Europe/Berlin", "Europe/Berln", 3, "does not exist. Did you mean 'Europe/Berlin'?"),
    ("project.yaml", "title: A tiny project", 'schedule: "0 25 * * *"', 2, "is no schedule. Write five cron fields"),
    ("project.yaml", "title: A tiny project", "minSimilarity: 2", 2, "less than or equal to 1"),
    ("project.yaml", "title: A tiny project", "title: 7", 2, "must be text, not a whole number. Put it in quotes"),
    ("project.yaml", '["Who flies where?"]', "who", 4, "'questions' must be a list, not text."),
    ("project.yaml", "name: tiny\n", "", 1, "the key 'name' is missing. Add 'name: ...' here."),
    (OPS, "kind: sql", "kind: sqll", 2, "'kind': no connector is called 'sqll'. Did you mean 'sql'"),
    (OPS, "kind: sql", "kind: csv\nencoding: utf-99", 3, "is no encoding Python knows. Write utf-8"),
    (OPS, "sqlite:///ops.db", "postgresql://ops:hunter2@db/ops", 3, "a password stands in the location"),
    (OPS, "sqlite:///ops.db", "${environment:OPS}", 3, "is no secret reference. Write ${env:NAME}"),
    (OPS, "owner: ops-team", "owner: a\nowner: b", 5, "the key 'owner' stands on line 4 already. Keep one of them."),
    (OPS, "owner: ops-team", "\towner: ops-team", 4, "a tab stands where YAML wants spaces. Indent with spaces."),
    (OPS, "owner: ops-team", "owner: [a", 4, "bad YAML"),
    (OPS, "owner: ops-team", "owner: !secret a", 4, "the tag '!secret' has no meaning here. Remove the tag."),
    (PEOPLE, '"${env:DESK_KEY}"', "hunter2", 3, "a key must be a reference, not the secret itself"),
    (PEOPLE, '"${env:DESK_KEY}"', '"${env:DESK_KEY:-hunter2}"', 3, "a key must be a reference"),
    (PEOPLE, "clearance: internal", "clearance: intern", 3, "Did you mean 'internal'?"),
    (PORTS, "status: active", "statuss: active", 6, "unknown key 'statuss'. Did you mean 'status'?"),
    (PORTS, "name: ports\nversion", "name: ports\nnaem: x\nversion", 5, "unknown key 'naem'. Did you mean 'name'?"),
    (PORTS, "version: 1.0.0", "version: 1", 5, "'version' must be text, not a whole number. Put it in quotes"),
    (PORTS, "kind: DataContract", "kind: Contract", 2, "'kind' cannot be 'Contract'. Did you mean 'DataContract'?"),
    (PORTS, "id: ports\n", "", 1, "the key 'id' is missing in 'ports'. Add 'id: ...' here."),
    (
        PORTS,
        "logicalType: number",
        "logicalType: nubmer",
        14,
        "'logicalType' cannot be 'nubmer'. Did you mean 'number'?",
    ),
    (PORTS, "logicalType: number", "logicalType: object", 14, "the type 'object' is not read here. Write one of"),
    (PORTS, "logicalType: number", "logcalType: number", 14, "unknown key 'logcalType'. Did you mean 'logicalType'?"),
    (PORTS, "classification: public", "classification: pubic", 13, "Did you mean 'public'?"),
    (PORTS, "value: ops", "value: opps", 16, "there is no source 'opps'. Did you mean 'ops'?"),
    (PORTS, "landbridge.source", "landbridge.sorce", 16, "unknown name 'landbridge.sorce'. Did you mean"),
    (PORTS, "name: city,", "name: city, physicalName: CD,", 13, "'code' reads the source's column 'CD' already."),
    (
        RECORDS,
        "start: 7",
        "start: 6",
        15,
        "'year' (columns 6-9) overlaps 'tail' (columns 1-6). Correct start or length",
    ),
    (TRIPS, "to: ports.code", "to: ports", 28, "'to' cannot be 'ports'. Write dataset.field"),
    (TRIPS, "to: ports.code", "to: port.code", 28, "there is no dataset 'port'. Did you mean 'ports'?"),
    (TRIPS, "to: ports.code", "to: ports.cod", 28, "'cod' is not a property of 'ports'. Did you mean 'code'?"),
    (TRIPS, "primaryKey: true\n        ", "", 15, "the primary key of 'trips' is missing. Add primaryKey: true"),
    (TRIPS, "America/New_York", "America/NewYork", 40, "does not exist. Did you mean 'America/New_York'?"),
    (TRIPS, "date: day", "date: dya", 40, "'dya' is not a property of 'trips'. Did you mean 'day'?"),
    (TRIPS, "source: lb", 'source: ""', 47, "the text is empty"),
    (TRIPS, '"[A-Z]{3}"', '"[A-Z"', 29, "is no regular expression"),
    (TRIPS, "maxLength: 3", "maximumLength: 3", 29, "unknown key 'maximumLength'. Did you mean"),
    (TRIPS, 'minimum: "2020-01-01"', "minimum: soon", 32, "'soon' is no date. Write it in ISO 8601"),
    (TRIPS, "mustBeLessThan: 5", "mustbelessthan: 5", 49, "Write exactly one of mustBe"),
    (TRIPS, "mustBeLessThan: 5", "mustBeLessThan: few", 50, "'mustBeLessThan' must be a number, not text."),
    (TRIPS, "unit: percent", "unit: parts", 51, "'unit' cannot be 'parts'. Write rows or percent."),
    (TRIPS, "metric: nullValues", "metric: nullValue", 49, "Did you mean 'nullValues'?"),
    (TRIPS, "minimum: 0, maximum", "least: 0, maximum", 53, "'least' is no argument of invalidValues."),
    (TRIPS, "engine: greatExpectations", "engine: soda", 61, "the engine 'soda' is not run here."),
    (TRIPS, "column_B: day", "column_B: date", 60, "'date' is not a property of 'trips'."),
    (TRIPS, "unit: h", "unit: parsec", 66, "'unit' cannot be 'parsec'. Write m, h or d."),
    (TRIPS, "access: read", "access: readonly", 13, "does not say whether it reads. Write access: read"),
    (
        TRIPS,
        "{state: [open, done]}",
        "{stat: [open]}",
        70,
        "'stat' is not a property of 'trips'. Did you mean 'state'?",
    ),
    (TRIPS, "To {port}", "To {prot}", 75, "names 'prot', which is no field, lookup or aggregate. Did you mean 'port'?"),
    (TRIPS, "To {port}", "To {port", 75, "unbalanced '{'"),
    (TRIPS, "({city})]]", "({city})", 75, "unbalanced '[['. Close the group with ']]'."),
    (TRIPS, "{all.count}", "{all.cuont}", 82, "Did you mean 'all.count'?"),
    (TRIPS, "{all.count}", "{weight}", 82, "names 'weight', which has many values in a group."),
    (TRIPS, "{city: city}", "{city: town}", 77, "'town' is not a property of 'ports'."),
    (TRIPS, "dataset: ports, on", "dataset: sports, on", 77, "there is no dataset 'sports'. Did you mean 'ports'?"),
    (TRIPS, "by: [port]", "by: []", 83, "aggregates tell a group, and there is no 'by'."),
    (TRIPS, "by: [port]", "by: [ports]", 80, "'ports' is not a property of 'trips'. Did you mean 'port'?"),
    (TRIPS, "function: max, field: weight", "function: max", 85, "lacks its 'field'."),
    (TRIPS, "function: max", "function: maxx", 85, "'function' cannot be 'maxx'. Did you mean 'max'?"),
    (TRIPS, "name: port-summary", "name: trip", 78, "the document 'trip' stands on line 73 already."),
    (TRIPS, "lookups:", "lookup:", 76, "unknown key 'lookup'. Did you mean 'lookups'?"),
    (TRIPS, "every: 1d", "every: daily", 94, "'daily' is no duration. Write 1h"),
    (TRIPS, "every: 1d", "every: 1d, to: [ports.code]", 94, "'to' means nothing for a missing_period rule."),
    (TRIPS, "kind: missing_value", "kind: missing_values", 95, "Did you mean 'missing_value'?"),
    (TRIPS, "other: height", "other: hight", 100, "'hight' is not a property of 'ports'. Did you mean 'height'?"),
    (TRIPS, "with: ports", "with: prots", 98, "there is no dataset 'prots'. Did you mean 'ports'?"),
    (
        TRIPS,
        "systemOfRecord: ports",
        "systemOfRecord: us",
        101,
        "'us' is neither of the two systems. Write trips or ports.",
    ),
    (TRIPS, "{port: code}\n        compare", "{weight: code}\n        compare", 99, "Give both the same logicalType"),
]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "words"), SPOILED, ids=[f"{s[0]}:{s[3]}:{s[4][:30]}" for s in SPOILED]
)
def test_a_fault_is_told_with_file_line_and_remedy(
    spoil: Spoil, problems: Problems, file: str, old: str, new: str, line: int, words: str
) -> None:
    told = [str(problem) for problem in problems(spoil(file, old, new))]
    assert [one for one in told if one.startswith(f"{file}:{line}: ") and words in one], "\n".join(told)
    assert len(told) <= 2, "\n".join(told)  # one fault does not cascade


def test_all_faults_of_all_files_are_told_at_once_in_order(spoil: Spoil, problems: Problems) -> None:
    spoil("project.yaml", "timeZone", "timezone")
    spoil(OPS, "kind: sql", "kind: sqll")
    spoil(PORTS, "status", "statuss")
    spoil(TRIPS, "To {port}", "To {prot}")
    told = problems(spoil(TRIPS, "{all.count}", "{all.cuont}"))
    assert [(one.file, one.line) for one in told] == [
        (PORTS, 6),
        (TRIPS, 75),
        (TRIPS, 82),
        ("project.yaml", 3),
        (OPS, 2),
    ]


def test_a_dataset_that_does_not_read_is_not_reported_as_missing(spoil: Spoil, problems: Problems) -> None:
    told = problems(spoil(PORTS, "name: code", "nane: code"))
    assert {one.file for one in told} == {PORTS}


def test_two_datasets_with_one_name_are_told_with_both_files(folder: Path, problems: Problems) -> None:
    (folder / "datasets" / "quays.odcs.yaml").write_text((folder / PORTS).read_text())
    (told,) = problems(folder)
    assert (told.file, told.line) == ("datasets/quays.odcs.yaml", 4)
    assert told.what == f"the dataset 'ports' is declared already in {PORTS}."


def test_invalid_utf8_is_told_with_the_line_of_the_byte(folder: Path, problems: Problems) -> None:
    (folder / OPS).write_bytes(b"name: ops\nkind: sql\nlocation: M\xfcnchen\n")
    assert str(problems(folder)[0]) == f"{OPS}:3: byte 0xfc is not UTF-8. Save the file as UTF-8."


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n"])
def test_an_empty_file_is_a_fault(folder: Path, problems: Problems, content: str) -> None:
    (folder / OPS).write_text(content)
    assert str(problems(folder)[0]) == f"{OPS}: is empty. Write its declarations, or delete the file."


@pytest.mark.parametrize("file", [OPS, PEOPLE, PORTS, "project.yaml"])
def test_a_list_where_a_mapping_is_expected_is_one_clear_fault(folder: Path, problems: Problems, file: str) -> None:
    (folder / file).write_text("- a\n- b\n")
    assert [one.line for one in problems(folder) if "mapping" in one.what and one.file == file] == [1]


def test_a_file_that_nobody_reads_is_a_fault(folder: Path, problems: Problems) -> None:
    (folder / "datasets" / "flights.yaml").write_text("name: flights\n")
    assert str(problems(folder)[0]) == (
        "datasets/flights.yaml: is not read. Call it flights.odcs.yaml, or move it elsewhere."
    )


def test_a_folder_without_project_file_says_what_to_do(tmp_path: Path, problems: Problems) -> None:
    (told,) = problems(tmp_path / "nowhere")
    assert told.file == "project.yaml"
    assert "--project" in told.remedy


def test_a_principal_declared_twice_is_a_fault(folder: Path, problems: Problems) -> None:
    (folder / "policies" / "more.yaml").write_text('principals:\n  - {name: desk, key: "${env:OTHER}"}\n')
    assert [(one.file, one.line) for one in problems(folder)] == [(PEOPLE, 3)]


def test_a_landbridge_name_in_a_place_without_meaning_is_a_fault(spoil: Spoil, problems: Problems) -> None:
    new = "businessName: Ports\n    customProperties: [{property: landbridge.drift, value: freeze}]"
    (told,) = problems(spoil(PORTS, "businessName: Ports", new))
    assert (told.line, told.what) == (11, "'landbridge.drift' has no meaning here.")


def test_roles_over_fields_that_are_all_public_are_a_contradiction(folder: Path, problems: Problems) -> None:
    text = (folder / PORTS).read_text().replace("primaryKey: true", "primaryKey: true, classification: public")
    text = text.replace("height, logicalType: number", "height, logicalType: number, classification: public")
    (folder / PORTS).write_text(text + "roles:\n  - {role: harbour, access: read}\n")
    (told,) = [str(problem) for problem in problems(folder)]
    assert "all of its fields are public: anybody may read them. Label the fields" in told


def test_the_first_template_may_not_leave_rows_out(spoil: Spoil, problems: Problems) -> None:
    (told,) = problems(spoil(TRIPS, "      - name: trip\n", "      - name: trip\n        onlyMissingIn: trips.id\n"))
    assert "must cover every row" in told.what


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_in_a_contract_raise_anything_but_a_project_error(folder: Path, content: bytes) -> None:
    (folder / PORTS).write_bytes(content)
    with pytest.raises(ProjectError) as caught:
        load_project(folder)
    assert all(problem.file for problem in caught.value.problems)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_value_anywhere_in_a_contract_raises_anything_but_a_project_error(folder: Path, data: st.DataObject) -> None:
    pristine = folder / "pristine"
    if not pristine.exists():
        pristine.write_text((folder / TRIPS).read_text())
    lines = pristine.read_text().splitlines()
    index = data.draw(st.integers(0, len(lines) - 1))
    weird = data.draw(
        st.sampled_from(["[]", "{}", "null", "-1", "1.5", "true", "'{'", "a.b.c", "[{}]", "[[1]]", "~: 1"])
    )
    key, colon, _ = lines[index].partition(": ")
    lines[index] = f"{key}{colon}{weird}" if colon else f"{lines[index]} {weird}"
    (folder / TRIPS).write_text("\n".join(lines))
    try:
        load_project(folder)
    except ProjectError as error:
        assert all(problem.file for problem in error.problems)


def test_the_airline_example_loads() -> None:
    assert load_project(AIRLINE).datasets
