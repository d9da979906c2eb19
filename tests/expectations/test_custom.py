"""Expectations of one's own: by entry point or from a local module, alone with their faults."""

import re
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from great_expectations.expectations.expectation import BatchExpectation

import expectations
from catalog.models import Place, Rule
from expectations.custom import code_marks
from expectations.testing import assert_lawful, failing_expectation

NUMBERS = count(1)
ODD = "import polars as pl\n\ndef odd(frame, column):\n    return frame[column] % 2 == 1\n"
SECRET = "someone@example.org"


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def distribution(folder, code, *names, dist="number-rules", version="2.1"):
    """A distribution as pip would leave it: one module, and metadata that names its entry points."""
    module = f"ruled_{next(NUMBERS)}"
    (folder / f"{module}.py").write_text(code)
    about = folder / f"{dist.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
    lines = "".join(f"{name} = {module}:{name}\n" for name in names)
    (about / "entry_points.txt").write_text(f"[landbridge.expectations]\n{lines}")


def custom(name, *, module="", tolerance=None, **kwargs):
    arguments = {"type": name, "kwargs": kwargs, "module": module}
    place = Place(file="datasets/trips.odcs.yaml", line=7)
    return Rule(name=f"{name}-rule", kind="custom", arguments=arguments, tolerance=tolerance, place=place)


def checked(make, rule, *more, folder=None, values=(1, 2, 3)):
    dataset = make.contract(make.field("x", "integer"), rules=(rule, *more))
    given = {} if folder is None else {"folder": folder}
    return expectations.check(make.rows(dataset, x=list(values)), dataset, **given)


def test_a_function_by_entry_point_sets_aside_the_rows_it_marks(make, site):
    distribution(site, ODD, "odd")
    report = checked(make, custom("odd", column="x"))
    assert report.quarantined["_key"].to_list() == ["1", "3"]
    (one,) = report.results
    assert (one.verdict, one.count, one.fields) == ("failed", 2, ("x",))


def test_a_function_of_a_local_module_is_found_in_the_project_folder(make, tmp_path):
    (tmp_path / "rules.py").write_text(ODD)
    rule = custom("odd", module="rules.py", column="x")
    assert checked(make, rule, folder=tmp_path).quarantined["_key"].to_list() == ["1", "3"]


def test_a_module_that_changes_is_read_anew_and_changes_the_mark_of_the_contract(make, tmp_path):
    rule = custom("odd", module="rules.py", column="x")
    dataset = make.contract(make.field("x", "integer"), rules=(rule,))
    path = tmp_path / "rules.py"
    path.write_text(ODD)
    before = code_marks(dataset, tmp_path)
    path.write_text(ODD.replace("== 1", "== 0"))
    assert code_marks(dataset, tmp_path) != before
    assert checked(make, rule, folder=tmp_path).quarantined["_key"].to_list() == ["2"]


def test_a_row_of_which_a_function_says_nothing_keeps_the_rule(make, site):
    distribution(site, ODD, "odd")
    assert checked(make, custom("odd", column="x"), values=(2, None, 4)).verdict == "pass"


def test_with_mostly_a_function_judges_the_dataset_and_moves_no_row(make, site):
    distribution(site, ODD, "odd")
    report = checked(make, custom("odd", column="x", mostly=0.1, tolerance=0.9))
    assert (report.verdict, report.quarantined.height) == ("pass", 0)
    assert checked(make, custom("odd", column="x", tolerance=0.5)).verdict == "block"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import no_such_module\n", "does not load: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "does not load: SystemExit"),
        ("odd = 5\n", "is neither a function nor an expectation"),
        ("class odd: pass\n", "is a class, and no expectation that can run"),
        ("def odd(frame): return frame['x'] == 1\n", "failed with TypeError"),
        (f"def odd(frame, column): raise ValueError('{SECRET}')\n", "failed with ValueError at ruled_"),
        ("def odd(frame, column): return True\n", "gives bool where a Series belongs"),
        ("def odd(frame, column): return frame['x']\n", "gives values of type Int64 where booleans belong"),
        ("def odd(frame, column): return frame['x'].head(1) == 1\n", "gives 1 answers about 3 rows"),
    ],
)
def test_a_plug_in_that_fails_names_its_distribution_and_takes_nothing_else_down(make, site, code, why):
    distribution(site, code, "odd")
    report = checked(make, custom("odd", column="x"), make.rule("range", "x", min=2, max=None, name="two"))
    broken, other = report.results
    assert (broken.verdict, broken.blocking, other.verdict, other.count) == ("errored", True, "failed", 1)
    assert "number-rules 2.1" in broken.message
    assert why in broken.message
    assert SECRET not in str(report.findings)


def test_a_function_that_changes_its_frame_changes_nobody_elses(make, site):
    distribution(site, "def odd(frame, column):\n    frame[0, column] = 99\n    return frame[column] == 99\n", "odd")
    report = checked(make, custom("odd", column="x"), make.rule("range", "x", min=None, max=9, name="small"))
    assert [one.count for one in report.results] == [1, 0]
    assert report.passed["x"].to_list() == [2, 3]


def test_a_class_of_great_expectations_is_run_by_it(make, site):
    code = (
        "from great_expectations.expectations.core import ExpectColumnMaxToBeBetween\n\n"
        "class ExpectSmall(ExpectColumnMaxToBeBetween):\n    max_value: int = 2\n"
    )
    distribution(site, code, "ExpectSmall")
    report = checked(make, custom("ExpectSmall", column="x"))
    assert [(one.verdict, one.observed) for one in report.results] == [("failed", 3)]
    assert issubclass(__import__(f"ruled_{next(NUMBERS) - 1}").ExpectSmall, BatchExpectation)


def test_the_kit_accepts_a_lawful_function():
    rows = pl.DataFrame({"x": [2, 4]})
    assert_lawful(lambda frame, column: frame[column] % 2 == 1, keeping=rows, breaking=rows + 1, column="x")


def _changing(frame):
    frame[0, "x"] = 7
    return frame["x"] == 7


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (lambda frame: True, "over 1 rows it gives bool"),
        (lambda frame: pl.Series([False]), "over 0 rows it gives 1 answers"),
        (lambda frame: frame["x"] == 2, "rows .0. should keep"),
        (_changing, "it changes the frame"),
    ],
)
def test_the_kit_refuses_one_that_breaks_a_law(test, why):
    with pytest.raises(AssertionError, match=why):
        assert_lawful(test, keeping=pl.DataFrame({"x": [2]}), breaking=pl.DataFrame({"x": [3]}))


def test_the_example_of_the_document_is_lawful():
    text = (Path(__file__).parents[2] / "docs" / "readiness" / "custom-expectations.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    exec("\n".join(blocks), {})


def test_the_double_quotes_a_value_as_real_errors_do():
    with pytest.raises(ValueError, match=SECRET):
        failing_expectation(pl.DataFrame({"mail": [SECRET]}))
