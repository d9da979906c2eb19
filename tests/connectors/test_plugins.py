"""A connector that another distribution brings: found, loaded, held to its promises, and alone with its faults."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from itertools import count
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import connectors
from catalog import load_project
from catalog.errors import ProjectError, SourceUnreachable, SourceUnreadable
from catalog.models import Dataset, Field, Place, Source
from connectors.plugins import examined
from landbridge.checking import check_sources
from landbridge.cli import app
from tests.conftest import contract

ROOT = Path(__file__).parents[2]
PLUGIN = Path(__file__).parent / "plugin"
PLACE = Place(file="sources/things.yaml", line=1)
GROUP = "landbridge.connectors"
NUMBERS = count(1)
COLUMNS = "def columns(source, dataset, *, folder):\n    return {'id': 'text'}\n"
HEAD = "import polars as pl\nfrom connectors.batch import Batch\nfrom catalog.errors import *\n"
GIVEN = "Batch(pl.DataFrame({'id': ['1'], '_location': ['x'], '_position': [1]}))"


def distribution(folder, kind, code, *, name="things-reader", version="2.1"):
    """A distribution as pip would leave it: one module, and metadata that names its entry point."""
    module = f"plugged_{next(NUMBERS)}"
    (folder / f"{module}.py").write_text(code)
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\n{kind} = {module}\n")
    return folder


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the import path, for distributions."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def things(kind, **habits):
    source = Source(name="system", kind=kind, location=".", place=PLACE, **habits)
    field = Field(name="id", physical_name="id", type="string", key_position=1, place=PLACE)
    dataset = Dataset(
        name="things", version="1", title="", source="system", physical_name="*", fields=(field,), fingerprint="",
        place=PLACE,
    )  # fmt: skip
    return source, dataset


def read(kind, folder, **habits):
    return list(connectors.read(*things(kind, **habits), folder=folder))


def reading(code):
    """A plug-in whose read is this code."""
    body = "".join(f"    {line}\n" for line in code.splitlines())
    return f"{HEAD}{COLUMNS}def read(source, dataset, *, folder):\n{body}"


def test_the_built_in_connectors_are_registered_in_the_group_of_plug_ins():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
    assert declared == {**connectors.BUILT_IN, "rows": "connectors.testing:RowsConnector"}
    installed = {one.name: one.value for one in entry_points(group=GROUP) if one.dist.name == "landbridge"}
    assert installed == declared, "install again: pip install --no-deps --no-build-isolation -e ."


def test_a_plug_in_is_read_by_its_name(site, tmp_path):
    distribution(site, "reader", reading(f"yield {GIVEN}"))
    (batch,) = read("reader", tmp_path)
    assert batch.frame["id"].to_list() == ["1"]


def test_an_object_and_a_class_are_connectors_as_a_module_is(site, tmp_path):
    code = f"{HEAD}class Reader:\n    def read(self, source, dataset, *, folder):\n        yield {GIVEN}\n"
    code += "    def columns(self, source, dataset, *, folder):\n        return {'id': 'text'}\nreader = Reader()\n"
    distribution(site, "one", code)
    points = next(site.glob("*.dist-info")) / "entry_points.txt"
    module = points.read_text().split(" = ")[1].strip()
    points.write_text(f"[{GROUP}]\none = {module}:reader\nother = {module}:Reader\n")
    assert len(read("one", tmp_path)) == len(read("other", tmp_path)) == 1


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import no_such_module\n", "does not load: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def read(:\n", "does not load: SyntaxError"),
        ("raise SystemExit('stop')\n", "does not load: SystemExit: stop"),
        ("raise RuntimeError\n", "does not load: RuntimeError"),
        (COLUMNS, "has no 'read'"),
        ("read = 1\n" + COLUMNS, "has no 'read'"),
    ],
)
def test_one_that_does_not_load_is_named_with_its_distribution_and_version(site, tmp_path, code, why):
    distribution(site, "reader", code)
    with pytest.raises(SourceUnreachable) as caught:
        read("reader", tmp_path)
    assert f"the connector 'reader' of things-reader 2.1 {why}" in caught.value.detail
    assert "\n" not in str(caught.value)
    assert caught.value.remedy == "Repair or uninstall things-reader."
    assert examined() == [("reader", "things-reader 2.1", caught.value.detail, caught.value.remedy)]


def test_one_that_is_not_installed_is_said_to_be_absent(tmp_path):
    with pytest.raises(SourceUnreachable, match="no connector is called 'reader' here"):
        read("reader", tmp_path)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise ValueError('secret 4711')", "failed with ValueError at plugged_"),
        ("yield None", "gives NoneType where a Batch belongs"),
        (f"yield {GIVEN}\nraise KeyError('secret 4711')", "failed with KeyError"),
        (f"try:\n    yield {GIVEN}\nfinally:\n    raise KeyError('secret 4711')", "failed with KeyError"),
        ("raise LandbridgeError('the vault is shut')", "gives nothing: the vault is shut"),
        ("return 5", "failed with TypeError"),
        ("return [{'id': 1}]", "gives dict where a Batch belongs"),
        ("return [Batch(pl.DataFrame({'id': ['1']}))]", "gives rows without '_location' of type String"),
        (f"yield {GIVEN}\nyield Batch({GIVEN}.frame.with_columns(more=1))", "gives batches of different columns"),
        ("type('PanicException', (BaseException,), {'__module__': 'pyo3_runtime'})\n"
         "raise type('PanicException', (BaseException,), {'__module__': 'pyo3_runtime'})('secret 4711')",
         "failed with PanicException"),
    ],
)  # fmt: skip
def test_whatever_it_raises_is_one_line_without_what_was_in_it(site, tmp_path, code, why):
    distribution(site, "reader", reading(code))
    with pytest.raises(SourceUnreadable) as caught:
        read("reader", tmp_path)
    assert f"the connector 'reader' of things-reader 2.1 {why}" in caught.value.detail
    shown = caught.value
    while shown is not None:
        assert "4711" not in str(shown)
        shown = shown.__cause__ or shown.__context__


def test_its_own_source_errors_come_as_they_are(site, tmp_path):
    distribution(site, "reader", reading("raise SourceUnreachable(source.name, dataset.name, 'no answer', 'Wait.')"))
    with pytest.raises(SourceUnreachable, match=r"source 'system', dataset 'things': no answer\. Wait\."):
        read("reader", tmp_path)


@pytest.mark.parametrize("wish", [KeyboardInterrupt, SystemExit])
def test_a_wish_to_stop_is_followed(site, tmp_path, wish):
    distribution(site, "reader", reading(f"raise {wish.__name__}"))
    with pytest.raises(wish):
        read("reader", tmp_path)


def test_a_read_that_is_given_up_is_closed_in_the_plug_in_too(site, tmp_path):
    code = f"try:\n    while True:\n        yield {GIVEN}\nfinally:\n    (folder / 'closed').touch()"
    distribution(site, "reader", reading(code))
    batches = connectors.read(*things("reader"), folder=tmp_path)
    next(batches)
    batches.close()
    assert (tmp_path / "closed").exists()


def test_what_is_no_mapping_of_names_to_types_is_refused_as_columns(site, tmp_path):
    distribution(site, "reader", reading(f"yield {GIVEN}").replace("{'id': 'text'}", "['id']"))
    with pytest.raises(SourceUnreadable, match="tells no names and types where columns are asked for"):
        connectors.drift(*things("reader"), folder=tmp_path)


def test_the_mark_of_files_is_their_places_times_and_contents(export):
    told = export("csv", "*.csv", {"a": "string"}).holds("a\n1\n").holds("a\n2\n", "b.csv")

    def mark():
        return connectors.mark(told.source, told.dataset, folder=told.folder)

    marks = [mark(), mark()]
    told.holds("a\n3\n")
    marks.append(mark())
    (told.folder / "in" / "b.csv").rename(told.folder / "in" / "c.csv")
    marks.append(mark())
    os.utime(told.folder / "in" / "c.csv", (1, 1))
    marks.append(mark())
    assert marks[0] == marks[1]
    assert len(set(marks)) == 4


def test_a_plug_in_without_a_mark_is_always_asked_and_has_no_files(site, tmp_path):
    distribution(site, "reader", reading(f"yield {GIVEN}"))
    assert connectors.mark(*things("reader"), folder=tmp_path) is None
    assert connectors.files_of(*things("reader"), folder=tmp_path) == []


def test_the_mark_of_a_plug_in_differs_when_its_version_does(site, tmp_path):
    code = reading(f"yield {GIVEN}") + "def mark(source, dataset, *, folder):\n    return 'same'\n"
    distribution(site, "reader", code)
    distribution(site, "later", code, name="other-reader", version="3.0")
    first, second = (connectors.mark(*things(kind), folder=tmp_path) for kind in ("reader", "later"))
    assert first.startswith("things-reader 2.1 ")
    assert second.startswith("other-reader 3.0 ")
    assert first.split()[-1] == second.split()[-1] == "same"


def test_a_change_of_its_code_changes_its_mark(site, tmp_path):
    code = reading(f"yield {GIVEN}") + "def mark(source, dataset, *, folder):\n    return 'same'\n"
    distribution(site, "reader", code)
    first = connectors.mark(*things("reader"), folder=tmp_path)
    (module,) = site.glob("*.py")
    module.write_text(code + "# mended\n")
    assert connectors.mark(*things("reader"), folder=tmp_path) != first


def test_one_that_tells_changes_is_given_what_is_held(site, tmp_path):
    from connectors.batch import Since

    code = reading(f"yield Batch({GIVEN}.frame, whole=False, cursor={{'n': since.cursor['n'] + 1}})")
    distribution(site, "reader", code.replace("*, folder):\n    yield", "*, folder, since=None):\n    yield")
                 + "INCREMENTAL = True\n")  # fmt: skip
    since = Since({"n": 1}, tmp_path / "held.parquet")
    (batch,) = connectors.read(*things("reader"), folder=tmp_path, since=since)
    assert (batch.whole, batch.cursor) == (False, {"n": 2})


def project(folder, kind, *, options=None):
    """A project with a dataset of a plug-in's kind beside one of a built-in kind."""
    for name in ("sources", "datasets", "policies", "docs", "systems"):
        (folder / name).mkdir(parents=True)

    def write(name, content):
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))

    def described(name, source, physical):
        key = {"name": "id", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1, "required": True}
        note = {"name": "note", "logicalType": "string"}
        text = {"name": name, "title": "{id}", "text": "{id} says {note}."}
        write(f"datasets/{name}.odcs.yaml", contract(name, source, physical, [key, note], documents=[text]))

    write("project.yaml", {"name": "plugged", "model": "hashed-words"})
    write("policies/access.yaml", {"local": {"clearance": "restricted"}})
    write("sources/plain.yaml", {"name": "plain", "kind": "csv", "location": "systems"})
    write("sources/other.yaml", {"name": "other", "kind": kind, "location": "docs", "options": options or {}})
    described("lines", "plain", "lines.csv")
    described("documents", "other", "*.json")
    (folder / "systems" / "lines.csv").write_text("id,note\nl1,first\nl2,second\n")
    for at in (1, 2, 3):
        document = {"data": {"id": f"d{at}", "note": f"document {at}"}}
        (folder / "docs" / f"{at}.json").write_text(json.dumps(document))
    return folder


def landbridge(folder, site, *words):
    """The command line in a process of its own, with the distributions of `site`."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("LANDBRIDGE_", "DAGSTER_"))}
    path = os.pathsep.join([str(site), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "landbridge", words[0], "--project", str(folder), *words[1:]],
        cwd=folder, env={**known, "PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def told_here(folder, *words):
    """The command line in this process, with what is on its path."""
    return CliRunner().invoke(app, [words[0], "--project", str(folder), *words[1:]], catch_exceptions=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example of `docs/connectors.md`, built and installed by pip."""
    target, code = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("code") / "plugin"
    shutil.copytree(PLUGIN, code)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(target), str(code)], check=True, timeout=300)
    return target


def test_an_installed_plug_in_is_checked_run_and_asked_from_the_command_line(installed, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(installed))
    folder = project(tmp_path / "project", "json_folder", options={"under": "data"})
    checked = told_here(folder, "check")
    assert (checked.exit_code, checked.stderr) == (0, "")
    told = landbridge(folder, installed, "run", "--json")
    accounts = {row["name"]: row for row in json.loads(told.stdout)["datasets"]}
    assert told.returncode == 0, told.stderr
    assert {name: (row["read"], row["indexed"]) for name, row in accounts.items()} == {
        "lines": (2, 2), "documents": (3, 3),
    }  # fmt: skip
    asked = told_here(folder, "ask", "document 2")
    assert "d2 says document 2." in asked.stdout


def test_its_misspelt_option_is_told_by_check(installed, tmp_path):
    folder = project(tmp_path / "project", "json_folder", options={"under": "data", "udner": "x"})
    told = landbridge(folder, installed, "check", "--json")
    (finding,) = json.loads(told.stdout)["findings"]
    assert (told.returncode, finding["rule"], finding["count"]) == (1, "source-options/other", 1)
    assert "there is no option 'udner'; 'under' is the only one" in finding["message"]


def test_the_example_keeps_the_laws(installed):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PLUGIN / "conformance.py")]
    path = os.pathsep.join([str(installed), str(ROOT)])
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_one_that_does_not_load_any_more_fails_its_own_dataset_and_what_was_published_serves_on(site, tmp_path):
    rows = "Batch(pl.DataFrame({'id': ['d1'], 'note': ['old'], '_location': ['x'], '_position': [1]}))"
    code = f"{HEAD}def read(source, dataset, *, folder):\n    yield {rows}\n"
    code += "def columns(source, dataset, *, folder):\n    return {'id': 'text', 'note': 'text'}\n"
    distribution(site, "shaky", code)
    folder = project(tmp_path / "project", "shaky")
    assert told_here(folder, "run").exit_code == 0
    (module,) = site.glob("*.py")
    module.write_text("raise OSError('no driver')\n")
    told = landbridge(folder, site, "run", "--json")
    report = json.loads(told.stdout)
    (failure,) = report["failures"]
    assert (told.returncode, report["failed_checks"]) == (1, [])
    assert failure.startswith("raw/documents: ")
    assert "the connector 'shaky' of things-reader 2.1 does not load: OSError: no driver" in failure
    assert "d1 says old." in told_here(folder, "ask", "what says old?").stdout


def test_one_that_claims_a_built_in_name_is_not_used_and_is_told(site, tmp_path):
    distribution(site, "csv", "raise RuntimeError('mine')\n", name="grabber")
    folder = project(tmp_path / "project", "csv")
    (folder / "datasets" / "documents.odcs.yaml").unlink()
    (finding,) = check_sources(load_project(folder))
    assert (finding.rule, finding.severity, finding.blocking) == ("kind-claimed/csv", "info", False)
    assert finding.message == "grabber 2.1 offers a connector 'csv' too; the built-in one reads."
    assert examined()[0][:3] == ("csv", "grabber 2.1", "is not used: the name is built in")


def test_two_of_one_name_are_refused_and_both_are_named(site, tmp_path):
    distribution(site, "reader", reading(f"yield {GIVEN}"))
    distribution(site, "reader", reading(f"yield {GIVEN}"), name="better-reader", version="9")
    folder = project(tmp_path / "project", "reader")
    with pytest.raises(ProjectError) as caught:
        load_project(folder)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("sources/other.yaml", 2)
    assert "'kind': the connector 'reader' is offered by" in problem.what
    assert {"things-reader 2.1", "better-reader 9"} == {
        one for one in ("things-reader 2.1", "better-reader 9") if one in problem.what
    }
    with pytest.raises(SourceUnreachable, match=r"is offered by .* and .*"):
        read("reader", tmp_path)


def test_options_that_a_built_in_kind_does_not_know_are_told(site, tmp_path):
    folder = project(tmp_path / "project", "csv", options={"sheet": 1})
    told = [finding.message for finding in check_sources(load_project(folder))]
    assert "Options of source 'other': there is no option 'sheet'." in told


def test_a_misspelt_kind_is_told_with_the_plug_ins_name(site, tmp_path):
    distribution(site, "json_folder", "")
    folder = project(tmp_path / "project", "json_foldr")
    with pytest.raises(ProjectError, match="Did you mean 'json_folder'"):
        load_project(folder)


def test_the_double_serves_a_project_whose_rows_stand_in_its_source(tmp_path):
    from connectors.testing import rows_source

    rows = [{"id": "1", "amount": 5}, {"id": "2", "amount": None}]
    _, dataset = things("rows")
    (batch,) = connectors.read(rows_source(**{"*": rows}), dataset, folder=tmp_path)
    assert batch.frame.drop("_location", "_position").to_dicts() == rows
