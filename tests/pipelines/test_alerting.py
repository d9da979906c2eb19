"""What opens is told once to each channel; what was not taken is tried again and is itself a finding."""

import hashlib
import hmac
import socket
from datetime import UTC, datetime

import dagster as dg
import pytest

from catalog import load_project
from ledger import Finding
from pipelines import alert_channels
from pipelines.alert_channels import Undelivered
from pipelines.alert_sensors import alert_sensors
from pipelines.alerting import alert
from tests.pipelines.receivers import mailbox, webhook

T0 = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.fixture
def hook(monkeypatch):
    with webhook() as started:
        monkeypatch.setenv("OPS_HOOK", started.url)
        monkeypatch.setenv("OPS_KEY", "signing-key-1")
        yield started


@pytest.fixture
def post(monkeypatch):
    with mailbox() as started:
        monkeypatch.setenv("OPS_MAIL", started.url)
        yield started


def site_of(shop, **channel):
    given = {"name": "ops", "webhook": "${env:OPS_HOOK}", "host": "127.0.0.1"} | channel
    told = {key: value for key, value in given.items() if value}
    shop.write("project.yaml", {"name": "shop", "model": "hashed-words", "alerts": [told]})
    return shop.site()


def mailing(shop, **channel):
    mail = {"to": ["crew@example.org"], "from": "landbridge@example.org", "smtp": "${env:OPS_MAIL}"}
    return site_of(shop, webhook="", host="", mail=mail, **channel)


def look(site, *rules, severity="critical", dataset="orders", **more):
    found = [
        Finding(rule=rule, dataset=dataset, stage="raw", severity=severity, count=3, owner="sales", remedy="Ask.",
                **{"message": f"{rule} is broken.", "sample_keys": ("K-17",), "evidence": {"seen": "E-17"}} | more)
        for rule in rules
    ]  # fmt: skip
    site.ledger.record_findings("r", dataset, "raw", found, T0)


def waiting(site):
    return [one.finding for one in site.ledger.open_findings(dataset="*")]


def now(_):
    """No pause between tries."""


def test_a_critical_finding_is_told_once_with_owner_and_remedy_and_without_its_evidence(shop, hook):
    site = site_of(shop, link="https://data.example.org/gaps")
    look(site, "one")
    assert alert(site, "r1") == alert(site, "r1") == ()
    (body,) = hook.bodies
    (told,) = body["findings"]
    assert (body["project"], body["run_id"], body["report"]) == ("shop", "r1", "https://data.example.org/gaps")
    assert (told["rule"], told["owner"], told["remedy"], told["count"]) == ("one", "sales", "Ask.", 3)
    assert (told["severity"], told["state"], told["message"]) == ("critical", "new", "one is broken.")
    assert "K-17" not in str(body)
    assert "E-17" not in str(body)


def test_a_finding_that_stays_open_is_not_told_again_and_one_that_comes_back_is(shop, hook):
    site = site_of(shop)
    for rules in (["one"], ["one"], [], ["one"], ["one"]):
        look(site, *rules)
        alert(site, "r")
    assert [body["findings"][0]["state"] for body in hook.bodies] == ["new", "reopened"]


def test_only_the_states_and_severities_that_are_asked_for_are_told(shop, hook):
    site = site_of(shop, on="warning", states=["reopened"])
    for rules in (["one"], [], ["one"]):
        look(site, *rules, severity="warning")
        look(site, *rules, severity="info", dataset="customers")
        alert(site, "r")
    assert [[one["dataset"] for one in body["findings"]] for body in hook.bodies] == [["orders"]]
    look(site_of(shop), "two", severity="warning")
    alert(site_of(shop), "r")
    assert len(hook.got) == 1


def test_a_finding_that_grows_critical_in_the_same_opening_is_told_then(shop, hook):
    site = site_of(shop)
    look(site, "one", severity="warning")
    alert(site, "r1")
    look(site, "one")
    alert(site, "r2")
    assert len(hook.got) == 1


def test_a_busy_receiver_is_tried_three_times_with_growing_pauses_and_one_message(shop, hook):
    site, pauses = site_of(shop), []
    look(site, "one")
    hook.answers = [503, 429]
    assert alert(site, "r1", pause=pauses.append) == ()
    assert pauses == [1.0, 4.0]
    assert len({headers["Idempotency-Key"] for headers, _ in hook.got}) == 1


def test_what_is_not_taken_is_a_finding_and_is_told_by_the_next_run(shop, hook):
    site = site_of(shop)
    look(site, "one")
    hook.answers = [500] * 3
    (untold,) = alert(site, "r1", pause=now)
    assert (untold.rule, untold.severity, untold.count) == ("alert-undelivered/ops", "warning", 1)
    assert "answered 500" in untold.message
    assert waiting(site) == [untold]
    assert alert(site, "r2") == ()
    assert waiting(site) == []
    assert len(hook.got) == 4


@pytest.mark.parametrize(("status", "told"), [(404, "answered 404"), (302, "redirects are not followed")])
def test_a_refusal_and_a_redirect_are_not_tried_again(shop, hook, status, told):
    site = site_of(shop)
    look(site, "one")
    hook.answers = [status]
    (untold,) = alert(site, "r1", pause=now)
    assert told in untold.message
    assert len(hook.got) == 1


def test_no_secret_of_the_address_is_told_when_it_fails(shop, hook, monkeypatch):
    site = site_of(shop, host="hooks.example.org")
    look(site, "one")
    (elsewhere,) = alert(site, "r1", pause=now)
    assert "not on the declared host 'hooks.example.org'" in elsewhere.message
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OPS_HOOK", f"http://127.0.0.1:{taken.getsockname()[1]}/s3cret")
        (silent,) = alert(site_of(shop), "r2", pause=now)
    monkeypatch.delenv("OPS_HOOK")
    (unset,) = alert(site_of(shop), "r3", pause=now)
    assert "OPS_HOOK" in unset.message
    assert "s3cret" not in f"{elsewhere}{silent}{unset}"
    assert hook.got == []


def test_a_signed_message_can_be_checked_by_its_receiver(shop, hook):
    site = site_of(shop, signingKey="${env:OPS_KEY}")
    look(site, "one")
    alert(site, "r1")
    ((headers, body),) = hook.got
    signed = headers["X-Landbridge-Timestamp"].encode() + b"." + body
    mark = hmac.new(b"signing-key-1", signed, hashlib.sha256).hexdigest()
    assert headers["X-Landbridge-Signature"] == f"sha256={mark}"


def test_findings_do_not_travel_in_the_open_to_another_machine():
    with pytest.raises(Undelivered, match="not https"):
        alert_channels.post("http://hooks.example.org/x", b"{}", host="hooks.example.org")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://127.0.0.1:x/", "http://127.0.0.1@evil.example/", "x", ""])
def test_an_address_that_is_none_or_leads_elsewhere_is_refused(url):
    with pytest.raises(Undelivered):
        alert_channels.post(url, b"{}", host="127.0.0.1")


def test_the_message_about_a_dataset_for_certain_roles_is_withheld(shop, hook):
    shop.write("datasets/orders.odcs.yaml", shop.orders() | {"roles": [{"role": "office", "access": "read"}]})
    site = site_of(shop)
    look(site, "one", message="Order 17 of First Customer is broken.")
    alert(site, "r1")
    (told,) = hook.bodies[0]["findings"]
    assert "First Customer" not in str(told)
    assert (told["count"], told["owner"]) == (3, "sales")


def test_many_findings_are_one_message_and_all_of_them_are_told(shop, hook):
    site = site_of(shop)
    look(site, *(f"rule-{number}" for number in range(60)))
    alert(site, "r1")
    alert(site, "r2")
    (body,) = hook.bodies
    assert (body["count"], body["critical"], len(body["findings"])) == (60, 60, 50)


def test_a_mail_tells_the_same_in_plain_text(shop, post):
    site = mailing(shop)
    look(site, "one", message="Größe fehlt.")
    assert alert(site, "r1") == ()
    (sent,) = post.got
    assert "Subject: [shop] 1 finding opened, 1 critical" in sent
    assert "To: crew@example.org" in sent
    assert "CRITICAL orders / one: 3 rows (new)" in sent
    assert "K-17" not in sent


@pytest.mark.parametrize(("how", "told"), [("refuse", "refuses all 1 recipients"), ("later", "answered 451")])
def test_a_mail_that_is_not_taken_is_a_finding_without_what_the_server_says(shop, post, how, told):
    site = mailing(shop)
    look(site, "one")
    setattr(post, how, True)
    (untold,) = alert(site, "r1", pause=now)
    assert told in untold.message
    assert "jane" not in untold.message
    setattr(post, how, False)
    assert alert(site, "r2") == ()
    assert len(post.got) == 1


def test_a_password_is_not_sent_to_a_mail_server_without_encryption(post, monkeypatch):
    from pipelines.alerting import message_of

    monkeypatch.setattr(alert_channels, "LOOPBACK", ())
    payload = {"id": "i", "project": "shop", "count": 1, "critical": 0, "findings": [], "report": "r"}
    server = post.url.replace("//", "//crew:pass-word@")
    with pytest.raises(Undelivered, match="no encryption") as raised:
        alert_channels.mail(server, message_of("a@example.org", ["b@example.org"], payload))
    assert "pass-word" not in str(raised.value)


def test_two_doors_that_report_the_same_run_tell_it_once(shop, hook):
    site = site_of(shop)
    look(site, "one")
    (sensor, *_) = alert_sensors(site.project)
    with dg.instance_for_test() as instance:
        job = dg.GraphDefinition(name="refresh", node_defs=[]).to_job()
        done = job.execute_in_process(instance=instance)
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name, dagster_instance=instance, dagster_run=done.dagster_run,
            dagster_event=done.all_events[-1],
        )  # fmt: skip
        sensor(context)
        alert(site, done.run_id)
        sensor(context)
    assert [body["run_id"] for body in hook.bodies] == [done.run_id]


def test_a_project_without_alerts_has_no_sensors_for_them_and_keeps_no_look(shop):
    site = shop.site()
    assert alert_sensors(site.project) == []
    look(site, "one")
    assert alert(site, "r1") == ()
    assert {one.finding.stage for one in site.ledger.finding_history()} == {"raw"}


def test_a_channel_that_was_removed_leaves_no_finding_open(shop, hook):
    site = site_of(shop)
    look(site, "one")
    hook.answers = [404]
    alert(site, "r1")
    shop.write("project.yaml", {"name": "shop", "model": "hashed-words"})
    alert(shop.site(), "r2")
    assert waiting(site) == []


def test_a_run_tells_what_it_found(shop, hook):
    site_of(shop, on="warning")
    shop.run()
    told = {one["rule"] for body in hook.bodies for one in body["findings"]}
    assert "order-without-customer" in told


def test_the_declared_channels_are_loaded_in_order(shop):
    mail = {"to": ["a@example.org"], "from": "b@example.org", "smtp": "${env:X}"}
    hooked = {"name": "ops", "webhook": "${env:X}", "host": "hooks.example.org", "on": "warning", "states": ["new"]}
    shop.write("project.yaml", {"name": "shop", "alerts": [hooked, {"name": "crew", "mail": mail}]})
    ops, crew = load_project(shop.folder).alerts
    assert (ops.least, ops.states, ops.host) == ("warning", ("new",), "hooks.example.org")
    assert (crew.mail.sender, crew.least, crew.states) == ("b@example.org", "critical", ("new", "reopened"))
