"""Nobody reads more than their labels allow, through any door; what is not theirs looks as if it were not there."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from catalog.models import Classification, Principal
from landbridge import asking
from tests.serving.harbour import ALLOWED, CANARIES, FRAMES, KEYS, MASKED, NOW, QUOTED, bearer, visit

CALLERS = tuple(ALLOWED)
QUESTIONS = ("Ship S1", "mate", "owner", "fee", "what is in the hold")


def _records(harbour):
    return [harbour.urn(name, key) for name, frame in FRAMES.items() for key in frame["code"]]


def _over_http(harbour, web, caller):
    told = [
        web.post("/v1/search", json={"query": asked, "limit": 50}, headers=bearer(caller)).text for asked in QUESTIONS
    ]
    paths = ["/v1/datasets", "/v1/gaps", *(f"/v1/datasets/{name}" for name in FRAMES)]
    paths += [f"/v1/records/{quote(urn)}" for urn in _records(harbour)]
    return told + [web.get(path, headers=bearer(caller)).text for path in paths]


def _over_mcp(harbour, live, caller, mode):
    async def work(client):
        calls = [("search", {"query": asked, "limit": 50}) for asked in QUESTIONS]
        calls += [("get_record", {"urn": urn}) for urn in _records(harbour)]
        calls += [("list_datasets", {}), ("list_gaps", {})]
        return [(await client.call_tool(name, arguments)).model_dump_json() for name, arguments in calls]

    return visit(live, work, headers=bearer(caller), mode=mode)


def _over_context(harbour, caller):
    context, principal = harbour.context(), harbour.principal(caller)
    told = [context.search(asked, principal=principal, channel="cli", limit=50) for asked in QUESTIONS]
    told += [context.get_record(urn, principal=principal) for urn in _records(harbour)]
    told += [*context.list_datasets(principal), *context.list_gaps(principal)]
    return [one.model_dump_json() if one else "" for one in told]


@pytest.fixture(params=["http", "mcp", "mcp-legacy", "context"])
def told_by(request, harbour):
    """Everything a caller is told through one door, as one text."""

    def told(caller):
        if request.param == "http":
            found = _over_http(harbour, request.getfixturevalue("web"), caller)
        elif request.param == "context":
            found = _over_context(harbour, caller)
        else:
            mode = "legacy" if request.param == "mcp-legacy" else "auto"
            found = _over_mcp(harbour, request.getfixturevalue("live"), caller, mode)
        return "\n".join(found)

    return told


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_is_told_all_that_is_theirs_and_nothing_else(told_by, caller):
    told = told_by(caller)
    assert {canary for canary in CANARIES if canary in told} == ALLOWED[caller]


@pytest.mark.parametrize("caller", CALLERS)
def test_a_masked_value_is_told_to_nobody(told_by, caller):
    assert MASKED not in told_by(caller)


def test_no_vector_leaves_the_house(told_by):
    assert '"vector"' not in told_by("officer")


@pytest.mark.parametrize("level", list(Classification))
@pytest.mark.parametrize("roles", [(), ("crew_office",), ("ops",)])
def test_whoever_a_principal_is_only_the_rule_decides(harbour, level, roles):
    principal = Principal(name="anyone", clearance=level, roles=roles)
    found = harbour.context().search("Ship S1", principal=principal, channel="cli", limit=50)
    seen = {hit.dataset for hit in found.hits}
    allowed = {"piers"}
    allowed |= {"ships"} if level >= Classification.internal else set()
    allowed |= {"fees"} if level >= Classification.confidential else set()
    allowed |= {"crew"} if level >= Classification.confidential and "crew_office" in roles else set()
    assert seen == allowed


@pytest.mark.parametrize("name", ["fees", "crew"])
def test_a_record_that_is_not_yours_is_answered_like_one_that_is_not_there(harbour, web, agent, name):
    there, absent = harbour.urn(name), harbour.urn(name, "S999")
    answers = [web.get(f"/v1/records/{urn}", headers=bearer("anonymous")) for urn in (there, absent)]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    results = [agent("anonymous", "get_record", {"urn": urn}).model_dump(exclude={"meta"}) for urn in (there, absent)]
    assert results[0] == results[1]
    assert results[0]["is_error"]


def test_a_row_is_not_found_by_a_key_its_caller_may_not_see(harbour):
    # the pier of a ship is public, its code is not: an answer would tell that the code exists
    assert harbour.context().get_record(harbour.urn("ships"), principal=harbour.principal("anonymous")) is None


def test_a_dataset_that_is_not_yours_is_answered_like_one_that_is_not_there(web):
    answers = [web.get(f"/v1/datasets/{name}", headers=bearer("outsider")) for name in ("crew", "no-such")]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    answers = [
        web.get("/v1/gaps", params={"dataset": name}, headers=bearer("outsider")) for name in ("crew", "no-such")
    ]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_a_gap_is_told_to_all_who_know_the_dataset_and_quoted_only_to_the_cleared(web):
    def gaps(caller):
        found = web.get("/v1/gaps", headers=bearer(caller)).json()["gaps"]
        return {gap["dataset"]: gap for gap in found}

    clerk, officer = gaps("clerk"), gaps("officer")
    assert set(clerk) == {"piers", "ships", "fees"}
    assert set(officer) == {"piers", "ships", "fees", "crew"}
    assert not clerk["ships"]["withheld"]
    assert clerk["fees"]["withheld"]
    assert QUOTED not in json.dumps(clerk["fees"])
    assert (clerk["fees"]["rule"], clerk["fees"]["count"]) == ("fee-known", 3)
    assert not officer["fees"]["withheld"]
    assert officer["crew"]["sample_keys"]


def test_the_name_of_a_column_is_withheld_with_the_gap_that_names_it(harbour):
    from serving.gaps import tell_gaps

    crew = harbour.context().ledger.open_findings(dataset="crew")
    (gap,) = tell_gaps(crew, principal=harbour.principal("outsider"), project=harbour.project, now=NOW)
    assert (gap.withheld, gap.state, gap.age_seconds) == (True, "new", 0)
    assert gap.rule == "mate-known"


def test_the_person_at_the_command_line_is_local_or_whom_they_name(harbour, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_HOME", str(harbour.home.folder))
    monkeypatch.setattr("index.load_embedder", lambda *_, **__: harbour.embedder)
    local, clerk = (asking.ask(harbour.project, ["Ship S1"], limit=50, caller=name)[0] for name in (None, "clerk"))
    assert {hit.dataset for hit in local.hits} == {"piers", "ships", "fees"}
    assert {hit.dataset for hit in clerk.hits} == {"piers", "ships"}
    context = harbour.context()
    assert context.ledger.trace(local.session_id).session.channel == "cli"


def test_every_key_of_the_policy_opens_every_door(web, agent):
    for caller in KEYS:
        assert web.get("/v1/datasets", headers={"X-API-Key": KEYS[caller]}).status_code == 200
        assert not agent(caller, "list_datasets", headers={"X-API-Key": KEYS[caller]}).is_error


def _airline(dataset, **fields):
    """The airline example with other labels on some fields of a dataset."""
    from catalog import load_project

    project = load_project(Path(__file__).parents[2] / "examples" / "airline")
    one = project.datasets[dataset]
    labelled = tuple(
        field.model_copy(update={"classification": Classification[fields.get(field.name, field.classification.name)]})
        for field in one.fields
    )
    changed = one.model_copy(update={"fields": labelled})
    return project.model_copy(update={"datasets": {**project.datasets, dataset: changed}})


def _may_quote(project, dataset, rule):
    from ledger import Finding
    from serving.visibility import may_see_evidence

    finding = Finding(rule=rule, dataset=dataset, stage="gaps", severity="warning", count=1, message="...")
    return may_see_evidence(project.policy.anonymous, finding, project)


def test_a_conflict_is_quoted_only_to_those_who_may_see_both_sides():
    assert _may_quote(_airline("facilities"), "airports", "registers-disagree/time_zone")
    assert not _may_quote(_airline("facilities", time_zone="internal"), "airports", "registers-disagree/time_zone")


def test_what_a_gap_is_broken_down_by_counts_as_quoted_too():
    assert _may_quote(_airline("weather"), "weather", "pressure-missing")
    assert not _may_quote(_airline("weather", month_name="internal"), "weather", "pressure-missing")


def test_what_a_further_register_says_counts_as_quoted_too():
    names = ("flight_date", "carrier", "flight_number", "origin", "destination", "scheduled_departure")
    project = _airline("flights", **dict.fromkeys(names, "public"))
    rule = "destination-not-listed"
    assert _may_quote(project, "flights", rule)
    labelled = _airline("facilities", city="internal").datasets["facilities"]
    project = project.model_copy(update={"datasets": {**project.datasets, "facilities": labelled}})
    assert not _may_quote(project, "flights", rule)
