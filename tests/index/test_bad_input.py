"""Odd and broken input, through the door that people use: it is told as it stands, or refused with what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

import index
from landbridge.cli import app
from landbridge.show import line

SCRIPTS = {
    "arabic": "شركة النقل العربية",
    "thai": "บริษัทขนส่งไทย",
    "chinese and japanese": "北京 東京輸送株式会社",
    "emoji": "Crane 🏗️ 👩‍🔧 🇩🇪",
    "combining": "Cafe\u0301 Zu\u0308rich Z̷̢̛a̸l̵g̶o",
    "from right to left": "\u202eevil\u202c \u200fabc\u200e",
    "of no width": "zero\u200bwidth\u2060joined",
    "control signs": "bell\x07 esc\x1b[31mred del\x7f nel\x85 here",
    "no characters": "\uffff and \U0010ffff",
}


def told(shop: Any, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--project", str(shop.folder)], prog_name="landbridge")


def live(shop: Any) -> int | None:
    return index.Store(shop.site().home.index).tag("live")


def test_text_of_any_script_is_published_to_the_letter_and_found(shop: Any) -> None:
    shop.customers_are([(f"C{n}", text, f"{n}@example.org", "Bonn") for n, text in enumerate(SCRIPTS.values(), 1)])
    assert told(shop, "run").exit_code == 0
    texts = list(shop.live().values())
    assert [name for name, text in SCRIPTS.items() if not any(one.startswith(f"{text} of Bonn") for one in texts)] == []
    answers = {name: json.loads(told(shop, "ask", text, "--json").stdout) for name, text in SCRIPTS.items()}
    assert [name for name, one in answers.items() if not any(SCRIPTS[name] in hit["text"] for hit in one["hits"])] == []
    shown = told(shop, "ask", SCRIPTS["control signs"]).stdout
    assert "esc\ufffd[31mred" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("told_as", ["\x1b]0;title\x07", "\u202edne", "\ud800"])
def test_what_would_steer_a_terminal_is_not_written_to_it(told_as: str, capsys: pytest.CaptureFixture[str]) -> None:
    line(f"a{told_as}\tb")
    shown = capsys.readouterr().out
    assert shown.startswith("a\ufffd")
    assert shown.endswith("\tb\n")


NUL = b"ID,NAME,MAIL,CITY\nC1,nul\x00inside,a@example.org,Bonn\nC2,Two,b@example.org,Bonn\nC3,Three,c@example.org,\n"
LONE = NUL.replace(b"nul\x00inside", b"lone \xed\xa0\x80 surrogate")
ESCAPED = b"""{"ID": "C1", "NAME": "lone \\ud800 surrogate", "MAIL": "a@example.org", "CITY": "Bonn"}
{"ID": "C2", "NAME": "Two", "MAIL": "b@example.org", "CITY": "Bonn"}
{"ID": "C3", "NAME": "Three", "MAIL": "c@example.org", "CITY": ""}
"""


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("csv", NUL, "held: customers / quarantine-threshold: 1 row of 3 (33.33%) would go to quarantine"),
        ("csv", LONE, "customers / lines-readable: 1 lines of 3 could not be read as rows. Ask the owner"),
        ("ndjson", ESCAPED, "customers / lines-readable: 1 lines of 3 could not be read as rows. Ask the owner"),
    ],
    ids=["nul", "lone surrogate in bytes", "lone surrogate escaped"],
)
def test_text_that_no_file_may_hold_is_set_aside_and_what_is_live_stays(
    ran: Any, kind: str, content: bytes, words: str
) -> None:
    ran.write("sources/crm.yaml", {"name": "crm", "kind": kind, "location": "systems", "encoding": "utf-8"})
    contract = ran.customers()
    contract["schema"][0]["physicalName"] = f"customers.{kind}"
    ran.write("datasets/customers.odcs.yaml", contract)
    (ran.folder / "systems" / f"customers.{kind}").write_bytes(content)
    before, version = ran.live(), live(ran)
    done = told(ran, "run")
    assert (done.exit_code, words in done.stderr) == (1, True)
    assert "not refreshed, the last good version keeps serving: customers" in done.stderr
    assert (ran.live(), live(ran)) == (before, version)


@pytest.mark.parametrize("question", ["order \x00 7", "\u202e", "👩‍🔧" * 100, "สวัสดี", "'; DROP TABLE chunks; --"])
def test_a_question_of_any_signs_is_answered(ran: Any, question: str) -> None:
    done = told(ran, "ask", question)
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_question_that_is_no_text_is_refused_in_one_line(ran: Any) -> None:
    done = told(ran, "ask", "order \udcff")
    assert (done.exit_code, done.stderr) == (2, "the question is not valid UTF-8. Send it as UTF-8 text.\n")


def test_a_first_run_without_any_row_publishes_no_dataset_and_says_whom_to_ask(shop: Any) -> None:
    shop.customers_are([])
    shop.orders_are([])
    done = told(shop, "run")
    assert done.exit_code == 1
    assert "orders / rows-present: The source gave no rows." in done.stderr
    assert "Ask the owner of the source for a complete delivery" in done.stderr
    assert {urn.split(":")[3] for urn in shop.live()} <= {"_catalog"}


def test_sources_that_are_empty_now_are_held_and_what_is_live_stays(ran: Any) -> None:
    ran.customers_are([])
    ran.orders_are([])
    before, version = ran.live(), live(ran)
    done = told(ran, "run")
    assert done.exit_code == 1
    assert "held: orders / volume-drop: The source holds 0 rows where it held 40 (100.0% fewer)." in done.stderr
    assert "--allow-empty" in done.stderr
    assert (ran.live(), live(ran)) == (before, version)


def test_one_document_is_an_index(shop: Any) -> None:
    shop.customers_are([("C1", "Only Customer", "only@example.org", "Bonn")])
    shop.orders_are([(1, "C1", 5.0)])
    assert told(shop, "run").exit_code == 0
    answer = json.loads(told(shop, "ask", "Order 1 by C1", "--json").stdout)
    assert "Order 1 by C1: 5." in [hit["text"] for hit in answer["hits"]]


@pytest.mark.exam
def test_a_document_of_ten_megabytes_is_published_whole_and_its_end_is_found(shop: Any) -> None:
    (shop.folder / "systems" / "customers.csv").unlink()
    shop.write("sources/crm.yaml", {"name": "crm", "kind": "markdown", "location": "systems"})
    text = "\n\n".join(f"Paragraph {n} tells of pump {n * 7919 % 100_003} and of its valve." for n in range(180_000))
    (shop.folder / "systems" / "manual.md").write_text(f"# Manual\n\n{text}\n\nThe lubricant is called zyxomol.\n")
    contract = shop.customers()
    schema = contract["schema"][0] | {"physicalName": "*.md"}
    contract["schema"] = [schema | {"properties": [
        {"name": "id", "physicalName": "path", "logicalType": "string", "primaryKey": True, "required": True},
        {"name": "name", "physicalName": "text", "logicalType": "string"},
    ]}]  # fmt: skip
    custom = next(one for one in contract["customProperties"] if one["property"] == "landbridge.documents")
    custom["value"] = [{"name": "manual", "title": "{id}", "text": "{name}"}]
    shop.write("datasets/customers.odcs.yaml", contract)
    assert told(shop, "run").exit_code == 0
    answer = json.loads(told(shop, "ask", "what is zyxomol", "--json").stdout)
    assert "zyxomol" in answer["hits"][0]["text"]
