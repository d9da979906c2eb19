"""A record tells what it is part of, and nothing that its caller could not read in the other records themselves."""

import polars as pl
import pytest

from catalog.entity_models import Entity, EntityKey, GoldenField, Member
from index.masking import pseudonym
from serving.entities import entity_of
from tests.serving.harbour import CONFIDENTIAL, CREW, HERE, INTERNAL, MASKED, harbour_at

SYSTEMS = ("ships", "fees", "crew")
GOLDEN = {"hold": ("ships", "hold"), "fee": ("fees", "fee"), "mate": ("crew", "mate"), "owner": ("ships", "owner")}


@pytest.fixture
def harbour(tmp_path):
    """Ship S1 of three registers is one vessel; S2 stands alone in each."""
    built = harbour_at(tmp_path)
    built.fill()
    vessel = Entity(
        name="vessel", title="Vessel", members=tuple(Member(dataset=name) for name in SYSTEMS),
        keys=(EntityKey(fields=dict.fromkeys(SYSTEMS, ("code",))),), place=HERE,
        golden=tuple(GoldenField(name=name, sources=(source,)) for name, source in GOLDEN.items()),
    )  # fmt: skip
    built.project = built.project.model_copy(update={"entities": {"vessel": vessel}})
    members = [("vessel-1", name, "S1", "S1") for name in SYSTEMS] + [("vessel-2", "ships", "S2", "S2")]
    write(built, "members", members, ("entity_id", "dataset", "key", "told"))
    golden = [("vessel-1", name, "never served", dataset, "S1", field, "only")
              for name, (dataset, field) in GOLDEN.items()]  # fmt: skip
    write(built, "golden", golden, ("entity_id", "field", "value", "dataset", "key", "source_field", "reason"))
    return built


def write(built, part, rows, columns):
    path = built.home.entity("vessel", part)
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row").write_parquet(path)


def told(harbour, caller, key="S1", dataset="ships"):
    urn = harbour.urn(dataset, key)
    return entity_of(urn, principal=harbour.principal(caller), project=harbour.project, home=harbour.home)


@pytest.mark.parametrize(
    ("caller", "members", "golden"),
    [
        ("clerk", ("fees", "ships"), {"hold": INTERNAL}),
        ("outsider", ("fees", "ships"), {"hold": INTERNAL, "fee": CONFIDENTIAL}),
        ("officer", ("crew", "fees", "ships"), {"hold": INTERNAL, "fee": CONFIDENTIAL, "mate": CREW}),
    ],
)
def test_each_caller_is_told_the_records_and_values_that_are_theirs(harbour, caller, members, golden):
    one = told(harbour, caller)
    assert (one.id, one.name) == ("vessel-1", "vessel")
    assert sorted(one.members) == sorted(harbour.urn(name) for name in members)
    assert {name: value.value for name, value in one.golden.items() if name != "owner"} == golden
    assert one.golden["hold"].source == harbour.urn("ships")
    assert {*one.withheld} == {*GOLDEN} - {*one.golden}


def test_a_masked_value_is_told_masked_or_not_at_all(harbour):
    for caller in ("clerk", "outsider", "officer"):
        assert MASKED not in str(told(harbour, caller))


def test_who_may_not_see_the_record_is_not_told_what_it_is_part_of(harbour):
    assert told(harbour, "anonymous") is None
    assert told(harbour, "clerk", dataset="crew") is None


def test_a_record_of_no_entity_has_none(harbour):
    assert told(harbour, "clerk", key="S9") is None
    assert told(harbour, "clerk", key="P1", dataset="piers") is None
    assert entity_of("urn:landbridge:other:ships:S1", principal=harbour.principal("clerk"), project=harbour.project,
                     home=harbour.home) is None  # fmt: skip


def test_before_the_first_run_a_record_is_part_of_nothing(harbour):
    harbour.home.entity("vessel", "members").unlink()
    assert told(harbour, "clerk") is None


def test_a_value_that_is_not_published_yet_is_not_told(harbour):
    harbour.home.published("ships").unlink()
    assert "hold" not in told(harbour, "clerk", dataset="fees").golden


def test_a_record_with_a_masked_key_is_found_by_the_token_that_names_it(harbour):
    token = pseudonym("S1", "key", b"k" * 32)
    write(harbour, "members", [("vessel-1", "ships", "S1", token)], ("entity_id", "dataset", "key", "told"))
    assert told(harbour, "clerk") is None
    assert told(harbour, "clerk", key=token).members == (harbour.urn("ships", token),)


def test_a_record_over_the_door_carries_its_entity(harbour):
    harbour.publish()
    record = harbour.context().get_record(harbour.urn("ships"), principal=harbour.principal("clerk"))
    assert record.entity == told(harbour, "clerk")
