"""A record tells who wins where systems contradict each other, to callers who may see every side of it."""

import dataclasses

import pytest

import expectations
import index
from catalog.models import ConflictField, GapRule
from tests.serving.harbour import HERE, LEVELS, dataset, field, harbour_at, ready

CRM = ready(code=["S1", "S2"], name=["Anna", "Berta"], berth=["B7", "B9"])
REGISTER = ready(code=["S1", "S2"], name=["Anne", "Berta"], berth=["B8", "B9"])


def contracts(*, level=LEVELS.internal, roles=(), mask=None, own=LEVELS.internal):
    compare = tuple(ConflictField(field=name, other=name) for name in ("name", "berth"))
    rule = GapRule(name="differ", kind="conflict", to_dataset="register", on=(("code", "code"),), compare=compare,
                   system_of_record=("register",), place=HERE)  # fmt: skip
    code, berth = field("code", LEVELS.internal, key_position=1), field("berth", LEVELS.internal)
    text = "Ship {code} is called {name}. {known_gaps}"
    crm = dataset("crm", [code, field("name", own), berth], text, gap_rules=(rule,))
    theirs = [code, field("name", level, mask=mask), berth]
    return crm, dataset("register", theirs, "The register has {code}, {name}.", roles=roles)


def served(folder, **labels):
    """A harbour whose two registers were looked at for conflicts, published as a run does."""
    built = harbour_at(folder)
    both = contracts(**labels)
    project = built.project.model_copy(update={"datasets": {one.name: one for one in both}})
    built = dataclasses.replace(built, project=project)
    frames = {"crm": CRM, "register": REGISTER}
    report = expectations.gaps(project, frames)
    store = index.Store(built.home.index)
    with store.writer():
        store.begin()
        for one in both:
            chunks = index.render(one, frames, project=project, known=report.known, mask_key=b"k" * 32)
            index.reconcile(store, chunks, dataset=one, embedder=lambda: built.embedder)
        index.publish(store, store.version)
    for name, frame in frames.items():
        built.home.published(name).parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(built.home.published(name))
        report.settled.filter(dataset=name).write_parquet(built.home.published_settled(name))
    return built


def conflicts(built, caller, name="crm", key="S1"):
    record = built.context().get_record(built.urn(name, key), principal=built.principal(caller))
    return {one.field: one for one in record.conflicts}


def test_a_record_tells_the_winner_the_losers_and_the_reason(tmp_path):
    built = served(tmp_path)
    found = conflicts(built, "clerk")
    assert list(found) == ["name", "berth"], "in the order of the contract"
    assert found["name"].model_dump() == {
        "field": "name", "value": "Anne", "winner": "register", "reason": "system of record",
        "losers": ({"source": "crm", "value": "Anna"},), "more": 0, "withheld": False,
    }  # fmt: skip
    assert conflicts(built, "clerk", "register")["berth"].losers[0].value == "B7"


def test_a_record_on_which_all_agree_tells_no_conflict(tmp_path):
    assert conflicts(served(tmp_path), "clerk", key="S2") == {}


def test_an_answer_carries_the_sentence_that_names_the_winner(tmp_path):
    built = served(tmp_path)
    answer = built.context().search("Ship S1 is called", principal=built.principal("clerk"), channel="http")
    sentence = "Name: Crm says Anna, Register says Anne; Register wins: system of record."
    assert sentence in next(hit for hit in answer.hits if hit.dataset == "crm" and hit.key == "S1").gaps


@pytest.mark.parametrize(
    ("labels", "caller"),
    [
        ({"level": LEVELS.confidential}, "clerk"),
        ({"roles": ("crew_office",)}, "outsider"),
        ({"mask": "pseudonym"}, "officer"),
        ({"own": LEVELS.confidential}, "clerk"),
    ],
)
def test_a_conflict_with_what_a_caller_may_not_see_is_told_as_withheld(tmp_path, labels, caller):
    told = conflicts(served(tmp_path, **labels), caller)["name"]
    assert told.model_dump(exclude={"field", "withheld"}, exclude_defaults=True) == {}
    assert told.withheld


def test_who_may_see_both_sides_is_told_what_others_are_not(tmp_path):
    built = served(tmp_path, level=LEVELS.confidential, roles=("crew_office",))
    assert conflicts(built, "officer")["name"].value == "Anne"
    assert conflicts(built, "outsider")["name"].withheld


def test_a_losing_value_above_the_caller_is_left_out(tmp_path):
    built = served(tmp_path, level=LEVELS.confidential)
    register = conflicts(built, "officer", "register")["name"]
    assert [one.value for one in register.losers] == ["Anna"]
    hidden = conflicts(served(tmp_path / "own", own=LEVELS.confidential), "clerk", "register")["name"]
    assert (hidden.value, hidden.losers, hidden.withheld) == ("Anne", (), True)


def test_what_is_settled_and_not_published_is_not_told_yet(tmp_path):
    built = served(tmp_path)
    built.home.published_settled("crm").unlink()
    assert conflicts(built, "clerk") == {}
