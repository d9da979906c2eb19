"""What project.yaml says under `index` is read, and a fault in it is told with its line."""

import pytest

from catalog import load_project
from catalog.errors import ProjectError


def with_index(shop, text):
    path = shop.folder / "project.yaml"
    path.write_text(path.read_text().rstrip() + f"\n{text}\n")
    return load_project(shop.folder).index


def test_a_plan_of_the_index_is_read(shop):
    plan = with_index(shop, "index: {kind: hnsw_sq, exactUpTo: 1000, recall: 0.95, history: 7d, historyDisk: 1}")
    assert (plan.kind, plan.exact_up_to, plan.recall, plan.history.days, plan.history_disk) == (
        "hnsw_sq", 1000, 0.95, 7, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: flat", "Allowed: auto, exact, ivf_sq, hnsw_sq"),
        ("recall: 2", "'recall'"),
        ("history: soon", "'soon' is no duration"),
        ("probes: 5", "unknown key 'probes'"),
    ],
)
def test_a_fault_in_the_plan_is_told_with_its_line(shop, text, told):
    with pytest.raises(ProjectError) as error:
        with_index(shop, f"index:\n  {text}")
    (problem,) = error.value.problems
    assert problem.file == "project.yaml" and problem.line > 1
    assert told in str(problem)
