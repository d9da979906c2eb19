import importlib
from email.message import EmailMessage
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.formats import mail
from connectors.formats.tables import File, Limits

SHARED = Path(__file__).parents[4] / "shared" / "data"
LETTER = (
    "From: =?utf-8?q?J=C3=B8rn?= <jorn@example.org>\r\nTo: a@example.org,\r\n b@example.org\r\n"
    "Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\nDate: Thu, 23 Oct 2003 22:40:49 -0700\r\nMessage-ID: <1@example.org>\r\n"
    "In-Reply-To: <0@example.org>\r\nReferences: <a@b> <0@example.org>\r\n\r\nHello\r\nthere\r\n"
)


@pytest.fixture
def read(tmp_path):
    def pieces(content, name="letter.eml", limits=None, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (table,) = mail.tables(File(path, name), mail.Options(**options), limits=limits or Limits())
        return list(table.pieces())

    return pieces


def rows(pieces):
    return [row for piece in pieces for row in piece.frame.rows(named=True)]


def rules(pieces):
    return [noticed.rule for piece in pieces for noticed in piece.noticed]


def test_a_message_is_a_row(read):
    pieces = read(LETTER)
    (row,) = rows(pieces)
    assert row | {
        "message_id": "<1@example.org>", "from": "Jørn <jorn@example.org>", "from_address": "jorn@example.org",
        "to": "a@example.org, b@example.org", "cc": None, "subject": "Grüße", "date": "Thu, 23 Oct 2003 22:40:49 -0700",
        "sent_at": "2003-10-24T05:40:49Z", "in_reply_to": "<0@example.org>", "references": "<a@b> <0@example.org>",
        "body": "Hello\nthere\n", "body_type": "plain", "attachments": [], "_position": 1,
    } == row  # fmt: skip
    assert row["headers"][2] == {"name": "Subject", "value": "Grüße"}
    assert rules(pieces) == []


def message(**parts):
    told = EmailMessage()
    told["From"], told["To"], told["Subject"] = "a@example.org", "b@example.org", "parts"
    told.set_content(parts.get("text", "plain text"))
    return told


def test_of_alternatives_the_plain_text_is_read(read):
    letter = message()
    letter.add_alternative("<p>formatted</p>", subtype="html")
    assert [(row["body"], row["body_type"]) for row in rows(read(bytes(letter)))] == [("plain text\n", "plain")]


def test_html_becomes_text_with_the_lines_of_its_blocks(read):
    html = (
        "<html><head><title>t</title><style>p{}</style></head><body><script>x()</script><h1>Title</h1>"
        "<p>one<br>two &amp; <b>th</b>ree</p><table><tr><td>a</td><td>b</td></tr></table><!-- c --></body></html>"
    )
    letter = f"From: a@b.c\nTo: b@b.c\nSubject: s\nContent-Type: text/html; charset=utf-8\n\n{html}"
    (row,) = rows(read(letter))
    assert row["body"] == "Title\n\none\ntwo & three\n\na\tb"
    assert row["body_type"] == "html"


def test_attachments_are_told_and_not_carried(read):
    letter = message()
    letter.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="offer.pdf")
    (row,) = rows(read(bytes(letter)))
    assert row["attachments"] == [
        {"name": "offer.pdf", "type": "application/pdf", "size": 4, "sha256": sha256(b"%PDF").hexdigest()}
    ]
    assert row["body"] == "plain text\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [("../../etc/passwd", "passwd"), ("C:\\temp\\a.exe", "a.exe"), ("..", None), ("/", None), ("ok.txt", "ok.txt")],
)
def test_a_path_in_an_attachments_name_is_left_off(read, name, told):
    letter = message()
    letter.add_attachment(b"x", maintype="application", subtype="octet-stream", filename=name)
    pieces = read(bytes(letter))
    assert rows(pieces)[0]["attachments"][0]["name"] == told
    assert rules(pieces) == (["attachment-path"] if name != told and name != ".." else [])


def test_a_message_in_a_message_is_an_attachment(read):
    letter = message()
    letter.add_attachment(message(text="the inner one"), filename="inner.eml")
    pieces = read(bytes(letter))
    (row,) = rows(pieces)
    assert row["body"] == "plain text\n"
    assert [(one["name"], one["type"]) for one in row["attachments"]] == [("inner.eml", "message/rfc822")]
    assert rules(pieces) == ["message-embedded"]


@pytest.mark.parametrize(
    ("charset", "content", "text", "rule"),
    [
        ("iso-8859-1", b"\xe9", "é", []), ("gb2312", "鎔".encode("gb18030"), "鎔", []),
        ("utf-8", b"\xe9", "\ufffd", ["charset-differs"]),
        ("x-unknown", b"\xe9", "é", ["charset-unknown"]), ("x-unknown", "é".encode(), "é", ["charset-unknown"]),
        ("us-ascii", b"\x80", "€", ["charset-missing"]), ("iso-2022-jp", "日本".encode("iso-2022-jp"), "日本", []),
        ("unicode_escape", b"\\x41", "\\x41", ["charset-unknown"]),
    ],
)  # fmt: skip
def test_text_of_another_character_set_than_named_is_noticed(read, charset, content, text, rule):
    head = f"From: a@b.c\nTo: b@b.c\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    pieces = read(head.encode() + content)
    assert rows(pieces)[0]["body"] == text
    assert rules(pieces) == rule


def test_an_encoding_may_be_declared_for_text_that_names_none(read):
    assert rows(read(b"From: a@b.c\nTo: b@b.c\n\n\xcf\xf0", encoding="cp1251"))[0]["body"] == "Пр"


@pytest.mark.parametrize(
    ("header", "rule"),
    [("Date: yesterday", "date-unreadable"), ("Date: Mon, 99 Foo 2020", "date-unreadable"),
     ("From: nobody", "address-unreadable"),
     ("Subject: =?x-none?q?a=E9?=", "charset-unknown"), ("Subject: again", "header-repeated")],
)  # fmt: skip
def test_a_header_that_is_spelled_wrongly_is_kept_and_noticed(read, header, rule):
    others = [one for one in ("From: a@b.c", "To: b@b.c", "Subject: x") if one.split(":")[0] != header.split(":")[0]]
    again = ["Subject: x"] if rule == "header-repeated" else []
    pieces = read("\n".join([*others, *again, header, "", "body"]))
    assert rules(pieces) == [rule]
    assert len(rows(pieces)) == 1


def test_a_cut_message_is_noticed(read):
    letter = message()
    letter.add_attachment(b"x" * 500, maintype="application", subtype="pdf", filename="a.pdf")
    assert "structure-broken" in rules(read(bytes(letter)[:-100]))


def mailbox(*texts, quoted=">From here"):
    letter = "From a@b.c Sat May  7 12:00:00 2005\nFrom: a@b.c\nTo: b@b.c\nSubject: {0}\n\n{0}\n{1} on\nFrom now on\n\n"
    return "".join(letter.format(text, quoted) for text in texts)


def test_a_mailbox_has_a_row_for_each_message(read):
    told = rows(read(mailbox("one", "two", "three"), "box.mbox"))
    assert [(row["subject"], row["_position"]) for row in told] == [("one", 1), ("two", 2), ("three", 3)]
    assert told[0]["body"] == "one\nFrom here on\nFrom now on\n\n"
    assert rows(read(mailbox("one", quoted=">>From here"), "box.mbox"))[0]["body"].startswith("one\n>From here on")


def test_a_large_message_of_a_mailbox_is_a_reject_and_the_others_are_read(read):
    pieces = read(mailbox("one", "x" * 3_000, "three"), "box.mbox", limits=Limits(cell_bytes=1_000))
    assert [row["subject"] for row in rows(pieces)] == ["one", "three"]
    told = [(at, why) for piece in pieces for at, why, _ in piece.rejects]
    assert told == [(2, "the message is larger than 1,000 bytes")]


def test_a_large_message_alone_is_refused(read):
    with pytest.raises(FileRefused, match="larger than 100 bytes"):
        read(LETTER, limits=Limits(cell_bytes=100))


def test_pieces_hold_no_more_than_the_limits_allow(read):
    pieces = read(mailbox(*map(str, range(25))), "box.mbox", limits=Limits(batch_rows=10))
    assert [piece.frame.height for piece in pieces] == [10, 10, 5]


def test_parts_nested_too_deeply_are_a_reject(read):
    deep = "From: a@b.c\nTo: b@b.c\n" + "".join(
        f"Content-Type: multipart/mixed; boundary=b{at}\n\n--b{at}\n" for at in range(3_000)
    )
    pieces = read(deep)
    assert rows(pieces) == []
    assert [why for piece in pieces for _, why, _ in piece.rejects] == ["its parts are nested too deeply"]


@pytest.mark.parametrize("content", ["", "\0" * 100, "no header here\n\nbody", "\n\n\n", "{}"])
def test_a_file_without_header_is_refused(read, content):
    with pytest.raises(FileRefused):
        read(content)


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (LETTER, True), ("Received: by x\n\tfor y\nDate: now\n\nhi", True), (mailbox("a"), True),
        ("From a@b\nReturn-Path: <a>\n", True),
        ("From what I know, 12:30 in 2005\nis late", False), ("Subject: minutes\n\nNot mail", False),
        ("Name: a\nDate: b\n", False),
        ("From,To,Subject\na,b,c\n", False), ("# From: a\n# To: b\n", False), ('{"From": 1}', False), ("", False),
        ("From: a@b.c\nTo: b@b.c\nSubject: x", True), ("---\nDate: 1\nSubject: x\n---\n", False),
    ],
)  # fmt: skip
def test_it_is_recognised_by_its_first_lines(tmp_path, head, known):
    assert mail.recognises(head.encode(), File(tmp_path / "a", "a")) is known


def test_a_broken_outlook_message_is_refused(read):
    pytest.importorskip("extract_msg")
    with pytest.raises(FileRefused, match="no whole Outlook message"):
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.msg")


def test_without_its_extra_an_outlook_message_names_what_to_install(read, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib.import_module("connectors.formats.mail.outlook"), "import_module", absent)
    with pytest.raises(FileRefused, match=r"landbridge\[msg\]"):
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.msg")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["", "Content-Type: multipart/mixed; boundary=x\n", "Subject: =?"]))
def test_no_bytes_crash_it(tmp_path_factory, content, header):
    path = tmp_path_factory.mktemp("mail") / "a.eml"
    path.write_bytes(f"From: a@b.c\nTo: b@b.c\n{header}".encode() + content)
    (table,) = mail.tables(File(path, "a.eml"), mail.Options(), limits=Limits())
    assert sum(piece.frame.height + len(piece.rejects) for piece in table.pieces()) == 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
def test_every_real_message_is_recognised_and_read():
    paths = sorted((SHARED / "mail").rglob("*.eml"))
    if find_spec("extract_msg"):  # the extra that reads Outlook's
        paths += sorted((SHARED / "docs").rglob("*.msg"))
    assert len(paths) > 30
    for path in paths:
        file = File(path, path.name)
        assert mail.recognises(file.head(), file), path.name
        pieces = list(mail.tables(file, mail.Options(), limits=Limits())[0].pieces())
        assert len(rows(pieces)) == 1, path.name
        assert "\ufffd" not in (rows(pieces)[0]["subject"] or "")


def test_a_header_of_thousands_of_encoded_words_is_read_in_bounded_time(read):
    names = ", ".join(f"=?utf-8?q?J=C3=B8rn?= <j{at}@example.org>" for at in range(3_000))
    (row,) = rows(read(f"From: a@b.c\nTo: {names}\n\nbody"))
    assert row["to"].startswith("Jørn <j0@example.org>, Jørn <j1@example.org>")
    assert row["to"].count("Jørn") == 3_000


@pytest.mark.parametrize("depth", [300, 5_000])
def test_html_nested_deeply_loses_no_text(read, depth):
    html = "<div>" * depth + "inner" + "</div>" * depth + "outer"
    (row,) = rows(read(f"From: a@b.c\nTo: b@b.c\nContent-Type: text/html\n\n{html}"))
    assert row["body"].split() == ["inner", "outer"]
