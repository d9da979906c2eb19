"""Lost rows and unanswered questions are told in every run, also where no row changed, and only when they change."""

from datetime import UTC, datetime, timedelta

import pytest

from index.testing import HashEmbedder
from ledger import Account, Interaction, Session, Step
from pipelines import stages
from pipelines.store import read_json, write_json
from tests.conftest import ORDERS

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def refreshed(shop, run_id="r1"):
    site = shop.site()
    for name in site.project.datasets:
        stages.pull(site, name, run_id=run_id)
        stages.make_ready(site, name, run_id=run_id)
    return site, stages.find_gaps(site, run_id=run_id)


def account(site, run_id, quarantined):
    parts = {"indexed": 40 - quarantined, "quarantined": quarantined, "filtered": 0, "duplicate": 0, "failed": 0}
    site.ledger.record_account(Account(dataset="orders", run_id=run_id, at=T0, read=40, **parts))


def visit(ledger, number, question, *, known=False, at=None, **attributes):
    at = at or datetime.now(UTC)
    session, turn = f"s{number}", f"s{number}-{at.timestamp()}"
    ledger.start_session(Session(id=session, channel="http", principal="clerk", started_at=at))
    step = Step(id=f"{turn}-p", interaction_id=turn, type="ACTION_STEP", name="retrieval", input=question,
                started_at=at, attributes={"known": known, "datasets": [], **attributes})  # fmt: skip
    ledger.record_turn(Interaction(id=turn, session_id=session, started_at=at), steps=[step])


def rules(site, dataset=None):
    return {one.finding.rule.partition("/")[0] for one in site.ledger.open_findings(dataset=dataset)}


def test_more_rows_in_quarantine_than_is_usual_are_told_as_volume_loss(shop):
    site = shop.site()
    for number in range(3):
        account(site, f"r{number}", 0)
    shop.orders_are([(number, customer, -1 if number <= 4 else amount) for number, customer, amount in ORDERS])
    site, known = refreshed(shop)
    (lost,) = [finding for finding in known.findings if finding.rule == "volume-loss"]
    assert (lost.dataset, lost.count, lost.evidence["lost"]["quarantined"]["usual"]) == ("orders", 4, 0)
    assert "volume-loss" in rules(site, "orders")


def test_a_row_that_vanished_between_raw_and_ready_is_told_though_no_gap_rule_looks_again(shop):
    site, known = refreshed(shop)
    assert not [finding for finding in known.findings if finding.rule == "volume-loss"]
    manifest = site.home.manifest("ready", "orders")
    write_json(read_json(manifest) | {"rows": 39}, manifest)
    again = stages.find_gaps(site, run_id="r2")
    assert not again.changed
    assert [finding.severity for finding in again.findings if finding.rule == "volume-loss"] == ["critical"]
    told = {one.finding.rule: one.state for one in site.ledger.open_findings(dataset="orders")}
    assert told == {"order-without-customer": "open", "volume-loss": "new"}


def test_rows_that_were_read_and_not_checked_yet_are_not_lost(shop):
    site, _ = refreshed(shop)
    shop.orders_are(ORDERS[:38])
    stages.pull(site, "orders", run_id="r2")
    assert not [one for one in stages.find_gaps(site, run_id="r2").findings if one.rule == "volume-loss"]


def test_a_run_in_which_nothing_changed_leaves_no_look(shop):
    site, known = refreshed(shop)
    before = site.ledger.open_findings()
    again = stages.find_gaps(site, run_id="r2")
    assert (again.findings, site.ledger.open_findings()) == (known.findings, before)
    assert {one.state for one in before if one.finding.stage == "gaps"} == {"new"}


def test_questions_that_found_nothing_become_a_gap_and_are_gone_when_they_are_answered(shop):
    site, _ = refreshed(shop)
    now = datetime.now(UTC)
    for number in (1, 2):
        visit(site.ledger, number, "warranty terms", at=now - timedelta(hours=number))
    stages.find_gaps(site, run_id="r2")
    (told,) = site.ledger.open_findings(dataset="*")
    assert (told.state, told.finding.count) == ("new", 2)
    assert "warranty terms" in told.finding.message
    visit(site.ledger, 3, "warranty terms", known=True)
    stages.find_gaps(site, run_id="r3")
    assert site.ledger.open_findings(dataset="*") == []


def test_a_question_asked_long_ago_is_forgotten(shop):
    site, _ = refreshed(shop)
    for number in (1, 2):
        visit(site.ledger, number, "warranty terms", at=datetime.now(UTC) - timedelta(days=91))
    assert "knowledge-gap" not in {one.rule.partition("/")[0] for one in stages.find_gaps(site, run_id="r2").findings}


@pytest.mark.parametrize("question", ["warranty of first@example.org", "warranty of Second@Example.org please"])
def test_a_masked_value_in_a_question_is_not_told_however_many_ask(shop, question):
    site, _ = refreshed(shop)
    for number in range(1, 4):
        visit(site.ledger, number, question)
    found = stages.find_gaps(site, run_id="r2").findings
    (told,) = [one for one in found if one.rule.startswith("knowledge-gap")]
    assert "warranty of" in told.message
    for secret in ("first", "second", "example", "@"):
        assert secret not in told.message.casefold()


class Synonyms(HashEmbedder):
    """A double that is told which words mean the same, and from which cosine on two questions do."""

    same_meaning = 0.7

    def embed(self, texts, *, progress=None):
        return super().embed([text.replace("guarantee", "warranty") for text in texts], progress=progress)


def test_questions_in_other_words_are_one_gap_whose_id_stays_and_only_new_ones_are_embedded(shop):
    site, _ = refreshed(shop)
    model = Synonyms()

    def told(run):
        found = stages.find_gaps(site, run_id=run, embedder=lambda: model).findings
        return [one for one in found if one.rule.startswith("knowledge-gap")]

    visit(site.ledger, 1, "warranty of pump seals bought last year")
    visit(site.ledger, 2, "last year bought seals: guarantee for the pump left?")
    (first,) = told("r2")
    assert (first.count, first.evidence["wordings"], first.evidence["grouped_by"]) == (2, 2, "meaning")
    assert first.evidence["callers"] == 1
    assert len(model.embedded) == 2
    assert [one.id for one in told("r3")] == [first.id]
    assert len(model.embedded) == 2, "nothing new was asked"
    kept = site.home.manifest("gaps", "questions").read_text()
    assert not any(word in kept for word in ("warranty", "guarantee", "pump"))


def test_without_a_model_that_can_tell_equal_words_are_a_group_and_the_evidence_says_why(shop):
    site, _ = refreshed(shop)
    for number in (1, 2):
        visit(site.ledger, number, "warranty terms")
    found = stages.find_gaps(site, run_id="r2").findings
    (told,) = [one for one in found if one.rule.startswith("knowledge-gap")]
    assert told.evidence["grouped_by"].startswith("equal words: from which cosine on")
    assert "hashed-words@1" in told.evidence["grouped_by"]
