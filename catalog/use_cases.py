"""Read what project.yaml says of readiness: use cases with the questions they must answer, weights and minimums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Annotated, Literal, get_args

from pydantic import Field, Strict

from catalog.errors import Problem
from catalog.models import AgentQuestion, DimensionName, ReadinessPlan, UseCase
from catalog.names import did_you_mean, shown
from catalog.shapes import DatasetName, Filled, Shape, Slug, shaped
from catalog.yaml_lines import Part

Score = Annotated[float, Strict(False), Field(ge=0, le=100)]
Weight = Annotated[float, Strict(False), Field(ge=0, le=1000)]
Severity = Literal["critical", "warning"]
DIMENSIONS: tuple[DimensionName, ...] = get_args(DimensionName)


class QuestionShape(Shape):
    """A question, and the record or the dataset that must answer it."""

    ask: Filled
    expect: Filled


class UseCaseShape(Shape):
    """What an entry of `useCases` may hold."""

    name: Slug
    title: str = ""
    owner: str = ""
    datasets: list[DatasetName] = Field(min_length=1)
    questions: list[QuestionShape] = Field(default_factory=list)
    minimum: Score = 80.0
    severity: Severity = "warning"


class ReadinessShape(Shape):
    """What `readiness` may hold."""

    weights: dict[str, Weight] = Field(default_factory=dict)
    minimum: Score | None = None
    datasets: dict[str, Score] = Field(default_factory=dict)
    severity: Severity = "warning"


def read_use_cases(
    part: Part, *, project: str, datasets: Collection[str], broken: Collection[str], found: list[Problem]
) -> tuple[UseCase, ...]:
    """The use cases of project.yaml; what names nothing that exists is added to `found`.

    `datasets` are those of the project; of `broken` files nobody knows what they declare.
    """
    if part.value is None:
        return ()
    if not isinstance(part.value, list):
        found.append(part.problem("'useCases' must be a list.", "Write '- name: ...' for each use case."))
        return ()
    read: list[UseCase] = []
    for at in part.items():
        shape = shaped(UseCaseShape, at, found=found)
        if shape is None:
            continue
        known = {*datasets, *broken}
        faults = [*_name_faults(shape, at, read, datasets), *_dataset_faults(shape, at, known)]
        faults += _question_faults(shape, at, project)
        found.extend(faults)
        questions = tuple(AgentQuestion(ask=one.ask, expect=one.expect) for one in shape.questions)
        given = shape.model_dump(exclude={"questions", "datasets"})
        read.append(UseCase(**given, datasets=tuple(shape.datasets), questions=questions, place=at.place))
    return tuple(read)


def read_readiness(
    part: Part, *, datasets: Collection[str], broken: Collection[str], found: list[Problem]
) -> ReadinessPlan:
    """Weights and minimums of project.yaml; the defaults where it says nothing."""
    if part.value is None:
        return ReadinessPlan()
    shape = shaped(ReadinessShape, part, found=found)
    if shape is None:
        return ReadinessPlan()
    before = len(found)
    for name in shape.weights:
        if name not in DIMENSIONS:
            what = f"{shown(name)} is no dimension of readiness."
            found.append(part.get("weights", name).problem(what, did_you_mean(name, DIMENSIONS)))
    if shape.weights and not any(shape.weights.get(name, 1.0) for name in DIMENSIONS):
        found.append(part.get("weights").problem("every dimension weighs 0.", "Give one of them a weight."))
    for name in shape.datasets:
        if name not in datasets and name not in broken:
            found.append(_no_dataset(name, part.get("datasets", name), datasets))
    if len(found) > before:
        return ReadinessPlan()
    weights = {name: shape.weights[name] for name in DIMENSIONS if name in shape.weights}
    return ReadinessPlan(weights=weights, minimum=shape.minimum, minimums=shape.datasets, severity=shape.severity)


def _name_faults(shape: UseCaseShape, at: Part, read: list[UseCase], datasets: Collection[str]) -> Iterator[Problem]:
    for other in read:
        if other.name == shape.name:
            what = f"the use case '{shape.name}' is declared already on line {other.place.line}."
            yield at.get("name").problem(what, "Give one of them another name.")
    if shape.name in datasets:
        what = f"'{shape.name}' is the name of a dataset, too."
        yield at.get("name").problem(what, "Scores are kept by name: give the use case another one.")


def _dataset_faults(shape: UseCaseShape, at: Part, known: Collection[str]) -> Iterator[Problem]:
    for index, name in enumerate(shape.datasets):
        if name not in known:
            yield _no_dataset(name, at.get("datasets", index), known)
    for name, times in Counter(shape.datasets).items():
        if times > 1:
            yield at.get("datasets").problem(f"'{name}' is listed {times} times.", "List it once.")


def _question_faults(shape: UseCaseShape, at: Part, project: str) -> Iterator[Problem]:
    """An expected answer that no search in these datasets can give."""
    prefix = f"urn:landbridge:{project}:"
    for index, one in enumerate(shape.questions):
        expect, dataset = at.get("questions", index, "expect"), one.expect
        if ":" in one.expect:
            dataset, colon, key = one.expect.removeprefix(prefix).partition(":")
            if not one.expect.startswith(prefix) or not (dataset and colon and key):
                what = f"{shown(one.expect)} is no record of this project."
                yield expect.problem(what, f"Write {prefix}<dataset>:<key>, or the name of a dataset.")
                continue
        if dataset not in shape.datasets:
            what = f"'{dataset}' is not among the datasets of '{shape.name}'."
            yield expect.problem(what, did_you_mean(dataset, shape.datasets))


def _no_dataset(name: str, at: Part, known: Collection[str]) -> Problem:
    return at.problem(f"there is no dataset '{name}'.", did_you_mean(name, known) or "Add its contract.")
