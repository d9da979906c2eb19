"""What changes the fingerprint of code and of a declaration, and what does not."""

from pathlib import Path

import pytest

from catalog import fingerprint
from catalog.code_marks import Code, CodeMarks
from catalog.fingerprint import declared, modules_on_path, path_fingerprint
from catalog.models import DocumentTemplate, Place

ROOMS = ("catalog", "connectors", "expectations", "index", "ledger", "pipelines")
EXTERNAL = {
    "connectors/formats/mail/outlook.py",
    "expectations/put_off.py",
    "index/sentence_model.py",
}  # they load libraries, no module of ours
ROOT = Path(__file__).parents[2]


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A room of three modules, of which one is on the way from `room.start`; the mark as it is now."""
    for name, text in {
        "__init__": "",
        "start": '"""To begin."""\nfrom room.used import value\n\n\ndef made():\n    return value\n',
        "used": "value = 1\n",
        "other": "value = 2\n",
    }.items():
        (tmp_path / "room").mkdir(exist_ok=True)
        (tmp_path / "room" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    def mark(name="start", text=None):
        if text is not None:
            (tmp_path / "room" / f"{name}.py").write_text(text)
        for known in (path_fingerprint, *_caches()):
            known.cache_clear()
        return path_fingerprint("room.start", rooms=("room",))

    yield mark
    for known in (path_fingerprint, *_caches()):
        known.cache_clear()


def _caches():
    return fingerprint._file, fingerprint._code, fingerprint._folders


def test_what_is_imported_counts_and_what_is_not_does_not(house):
    before = house()
    assert house("other", "value = 3\n") == before
    assert house("used", "value = 3\n") != before


def test_comments_docstrings_and_layout_do_not_count(house):
    before = house()
    same = (
        '"""To start."""\n# a reason\nfrom room.used import value\n\ndef made():\n    """Made."""\n    return (value)\n'
    )
    assert house("start", same) == before
    assert house("start", same.replace("(value)", "-value")) != before


def test_an_import_inside_a_function_counts_and_one_for_types_only_does_not(house):
    late = "def made():\n    from room.used import value\n    return value\n"
    before = house("start", late)
    assert house("used", "value = 4\n") != before
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room.other import value\n"
    before = house("start", types)
    assert house("other", "value = 4\n") == before


def test_a_package_that_gives_out_modules_by_name_counts_whole(house):
    house("__init__", "from importlib import import_module\n\ndef get(name):\n    return import_module(name)\n")
    before = house("start", "import room\n")
    assert house("other", "value = 5\n") != before


def test_a_source_is_parsed_once_and_again_when_it_changed(house, tmp_path, monkeypatch):
    parsed = []
    real = fingerprint._parsed
    monkeypatch.setattr(fingerprint, "_parsed", lambda source: parsed.append(source) or real(source))

    def another_process():
        monkeypatch.setattr(fingerprint, "MARKS", CodeMarks("form"))
        fingerprint.MARKS.keep_in(tmp_path / "home" / "code.marks")
        parsed.clear()

    another_process()
    first = house()
    another_process()
    assert (house(), parsed) == (first, [])
    another_process()
    assert house("used", "value = 9\n") != first
    assert parsed == [b"value = 9\n"]


@pytest.mark.parametrize("harm", [lambda told: told.replace(b"value", b"eulav"), lambda told: told[:-9], bytes.upper])
def test_damaged_marks_count_as_none(house, tmp_path, monkeypatch, harm):
    kept = tmp_path / "code.marks"
    monkeypatch.setattr(fingerprint, "MARKS", CodeMarks("form"))
    fingerprint.MARKS.keep_in(kept)
    before = house()
    kept.write_bytes(harm(kept.read_bytes()))
    monkeypatch.setattr(fingerprint, "MARKS", CodeMarks("form"))
    fingerprint.MARKS.keep_in(kept)
    assert house() == before


def test_marks_that_were_made_in_another_way_count_as_none(house, tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "MARKS", CodeMarks("an older form"))
    fingerprint.MARKS.keep_in(tmp_path / "code.marks")
    before = house()
    monkeypatch.setattr(fingerprint, "_parsed", lambda source: Code("other", (), by_name=False))
    monkeypatch.setattr(fingerprint, "MARKS", CodeMarks("form"))
    fingerprint.MARKS.keep_in(tmp_path / "code.marks")
    assert house() != before


def test_only_packages_import_modules_of_ours_by_name():
    """What a fingerprint over imports rests on."""
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "import_module(" in path.read_text() or "__import__(" in path.read_text()
    }
    assert {one for one in found if not one.endswith("__init__.py")} == EXTERNAL


def test_rendering_depends_on_masks_and_labels_and_not_on_searching_or_publishing():
    found = modules_on_path("index.rendering", "index.reconciling", rooms=("catalog", "index"))
    assert {"index.masking", "index.labels", "index.children", "index.chunking.sentences", "catalog.models"} <= {*found}
    assert not {"index.searching", "index.publishing", "index.cards", "catalog.loader"} & {*found}


def test_checking_depends_on_casting_and_rules_and_not_on_gap_rules_or_documents():
    found = modules_on_path("pipelines.stages.ready", rooms=("catalog", "pipelines", "expectations"))
    assert {"pipelines.casting", "pipelines.settling", "expectations.engine", "expectations.quarantine"} <= {*found}
    assert not {"expectations.conflicts", "expectations.surveying", "pipelines.retelling"} & {*found}


def test_where_a_declaration_stands_does_not_count():
    one = DocumentTemplate(name="card", title="t", text="x", place=Place(file="a.yaml", line=1))
    moved = one.model_copy(update={"place": Place(file="a.yaml", line=9)})
    assert declared(one) == declared(moved)
    assert declared(one) != declared(one.model_copy(update={"text": "y"}))
    assert declared(one, without=("text",)) == declared(one.model_copy(update={"text": "y"}), without=("text",))
