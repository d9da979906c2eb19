"""The description of the HTTP door is what was agreed, its examples are true, and the door keeps to it."""

import json
import os
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from serving import models
from serving.openapi import EXAMPLES
from tests.serving.harbour import KEYS

GOLDEN = Path(__file__).parent / "golden" / "openapi.json"
SHAPES = {
    "search": models.ContextAnswer, "datasets": models.DatasetList, "dataset": models.DatasetSummary,
    "gaps": models.GapList, "record": models.Record, "health": models.Health, "ready": models.Health,
}  # fmt: skip


def test_the_description_is_what_was_agreed(web):
    found = web.get("/openapi.json").json()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(GOLDEN.read_text())


def test_every_operation_has_an_example_and_tells_its_problems(web):
    for path, operations in web.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            answers = operation["responses"]
            assert answers["200"]["content"]["application/json"]["example"]
            problems = [one for status, one in answers.items() if status != "200"]
            assert all("example" in one["content"]["application/problem+json"] for one in problems)
            assert ("401" in answers) == path.startswith("/v1/")


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_examples_have_the_shape_they_illustrate(name):
    shape = SHAPES[name]
    told = shape.model_validate(EXAMPLES[name], extra="forbid").model_dump(mode="json")
    assert set(told) >= set(EXAMPLES[name])


@pytest.fixture(scope="session")
def described(live):
    return schemathesis.openapi.from_url(f"{live}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/search"),
        ("GET", "/v1/datasets"),
        ("GET", "/v1/datasets/{name}"),
        ("GET", "/v1/gaps"),
        ("GET", "/v1/records/{urn}"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
    ],
)
def test_whatever_is_sent_is_answered_as_described(described, method, path, mode):
    operation = described[path][method]

    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case):
        case.call_and_validate(headers={"X-API-Key": KEYS["officer"]})

    try:
        holds()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # an operation without parameters cannot be called wrongly
