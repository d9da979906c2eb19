"""An entity file becomes a linked declaration; what refers to nothing is told with its line and the likely name."""

import pytest

from catalog import ProjectError, load_project

ENTITY = """\
name: port
title: A port
owner: team harbour-data
members:
  - {dataset: ports, onePerEntity: true}
  - {dataset: trips}
keys:
  - {ports: code, trips: port}
match:
  fields:
    - name: town
      in: {ports: city, trips: port}
  blocking:
    - {fields: [town], by: words}
accept: 0.95
review: 0.6
golden:
  town: {from: [ports.city, trips.port]}
  origin: {from: [trips.port], rule: newest, changed: [trips.left_at]}
"""


@pytest.fixture
def problems(folder):
    """What is said of the entity file after one text was put in the place of another."""

    def told(old="", new="", more=""):
        (folder / "entities").mkdir(exist_ok=True)
        assert old in ENTITY
        (folder / "entities" / "port.yaml").write_text(ENTITY.replace(old, new, 1) + more)
        try:
            load_project(folder)
        except ProjectError as error:
            return [str(problem) for problem in error.problems]
        return []

    return told


def test_an_entity_is_what_its_file_says(folder, problems):
    assert problems() == []
    entity = load_project(folder).entities["port"]
    assert (entity.datasets, entity.owner) == (("ports", "trips"), "team harbour-data")
    assert entity.member("ports").one_per_entity
    assert entity.keys[0].fields == {"ports": ("code",), "trips": ("port",)}
    assert (entity.match.fields[0].fields["ports"], entity.match.blocking[0].by) == ("city", "words")
    assert (entity.accept, entity.review, entity.largest) == (0.95, 0.6, 20)
    assert entity.golden[0].sources == (("ports", "city"), ("trips", "port"))
    assert (entity.golden[1].rule, entity.golden[1].changed) == ("newest", {"trips": "left_at"})


def test_a_project_without_entities_has_none(folder):
    assert load_project(folder).entities == {}


def test_a_match_may_be_left_to_a_suggestion(folder, problems):
    start, end = ENTITY.index("match:"), ENTITY.index("accept:")
    assert problems(ENTITY[start:end], "match: suggested\n") == []
    assert load_project(folder).entities["port"].match.suggested


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("dataset: trips", "dataset: trip", ":6: there is no dataset 'trip'. Did you mean 'trips'?"),
        ("dataset: trips", "dataset: ports", ":6: 'ports' is a member already."),
        ("ports: code, ", "ports: cod, ", ":8: 'cod' is not a property of 'ports'. Did you mean 'code'?"),
        ("ports: code, trips", "ports: code, trip", ":8: 'trip' is not a member of 'port'."),
        ("ports: code, trips: port", "ports: [code, city], trips: port", "name different numbers of fields"),
        ("ports: city,", "ports: ctiy,", ":12: 'ctiy' is not a property of 'ports'. Did you mean 'city'?"),
        ("[town], by: words", "[twon], by: words", ":14: 'twon' is not a match field"),
        ("by: words", "by: wrods", ":14: 'by' cannot be 'wrods'. Did you mean 'words'?"),
        ("    - name: town\n", "    - name: town\n      kind: code\n", "has words to block by"),
        ("review: 0.6", "review: 0.99", ":16: 'review' (0.99) is above 'accept' (0.95)."),
        ("owner:", "ownr:", ":3: unknown key 'ownr'. Did you mean 'owner'?"),
        ("trips.port]}\n  o", "trips.prot]}\n  o", ":18: 'prot' is not a property of 'trips'."),
        ("changed: [trips.left_at]", "changed: [trips.port]", "'trips.port' is string, and what is newest"),
        (", changed: [trips.left_at]", "", ":19: 'newest' needs 'changed'."),
        ("rule: newest, ", "", "'changed' means nothing for order."),
    ],
)  # fmt: skip
def test_what_refers_to_nothing_is_told_with_its_line(problems, old, new, told):
    assert any(told in problem for problem in problems(old, new)), problems(old, new)


def test_a_member_that_nothing_links_is_a_fault(problems):
    told = problems("  - {dataset: trips}\n", "  - {dataset: trips}\n  - {dataset: records}\n")
    assert any("nothing says how records of 'records' are linked" in problem for problem in told)


def test_an_entity_is_declared_once(folder, problems):
    problems()
    (folder / "entities" / "again.yaml").write_text(ENTITY)
    assert any("the entity 'port' is declared already in" in problem for problem in problems())


def test_more_fields_than_patterns_can_be_counted_are_refused(problems):
    more = "".join(f"    - {{name: f{n}, in: {{ports: city, trips: port}}}}\n" for n in range(19))
    told = problems("    - name: town\n", more + "    - name: town\n")
    assert any("name 21 fields to compare; 20 are allowed" in problem for problem in told), told


def test_the_engine_is_ours_unless_another_is_named_and_a_word_that_is_none_is_told(folder, problems):
    assert problems(more="engine: splink\n") == []
    assert load_project(folder).entities["port"].engine == "splink"
    assert problems() == []
    assert load_project(folder).entities["port"].engine == "polars"
    (told,) = problems(more="engine: splnk\n")
    assert told.startswith("entities/port.yaml:")
    assert "splink" in told


def test_an_engine_without_anything_to_weigh_is_a_fault(problems):
    start = ENTITY.index("match:")
    (told,) = problems(ENTITY[start : ENTITY.index("accept:")], "engine: splink\n")
    assert "weighs match fields, and there are none" in told
