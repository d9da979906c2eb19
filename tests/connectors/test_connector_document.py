"""What `docs/connectors.md` shows is what is tested: the example, the laws, the double. UPDATE_GOLDEN=1 renews it."""

import inspect
import os
import re
from pathlib import Path

import pytest
import yaml

import connectors
from catalog.models import Dataset, Field, Place
from catalog.sources import SourceShape
from connectors.testing import ConnectorConformance, rows_source
from connectors.testing.conformance import laws

DOCUMENT = Path(__file__).parents[2] / "docs" / "connectors.md"
PLUGIN = Path(__file__).parent / "plugin"
FILES = ("landbridge_json_folder.py", "pyproject.toml", "conformance.py")
PLACE = Place(file="sources/till.yaml", line=1)
BLOCK = re.compile(r"^```(python|toml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
LAWS = re.compile(r"<!-- laws -->\n(.*?)<!-- end of laws -->", re.DOTALL)


def told_laws():
    """Each law as a sentence, with what it adds, in the order in which they are written."""
    ordered = sorted(
        laws(), key=lambda name: (inspect.getmodule(law := getattr(ConnectorConformance, name)).__name__,
                                  inspect.getsourcelines(law)[1])
    )  # fmt: skip
    lines, room = [], ""
    for name in ordered:
        law = getattr(ConnectorConformance, name)
        module = inspect.getmodule(law)
        if module.__name__ != room:
            room = module.__name__
            lines.append(f"\n{inspect.getdoc(module).splitlines()[0].removesuffix('.')}.\n\n")
        sentence = name.removeprefix("test_").replace("_", " ")
        lines.append(f"- **{sentence[:1].upper()}{sentence[1:]}.** {inspect.getdoc(law)}\n")
    return "".join(lines) + "\n"


def renewed(text):
    contents = iter((PLUGIN / name).read_text() for name in FILES)
    text = BLOCK.sub(lambda match: f"```{match[1]}\n{next(contents)}```", text)
    return LAWS.sub(lambda _: f"<!-- laws -->\n{told_laws()}<!-- end of laws -->", text)


def test_the_example_and_the_laws_in_the_document_are_those_that_are_tested():
    text = DOCUMENT.read_text()
    if os.environ.get("UPDATE_GOLDEN"):
        DOCUMENT.write_text(renewed(text))
        pytest.skip("renewed")
    assert len(BLOCK.findall(text)) == len(FILES)
    assert text == renewed(text), "renew it with UPDATE_GOLDEN=1, and read the difference"


def test_the_connector_of_the_document_is_as_short_as_it_says():
    lines = (PLUGIN / FILES[0]).read_text().splitlines()
    assert sum(1 for line in lines if line.strip()) <= 40


def test_the_sources_of_the_document_are_sources():
    tickets, till = (yaml.safe_load(block) for block in YAML.findall(DOCUMENT.read_text()))
    assert SourceShape.model_validate({**tickets, "kind": "csv"}).options == {"under": "data"}
    assert SourceShape.model_validate(till).kind == "rows"


def test_the_rows_in_the_document_are_read_by_the_double(tmp_path):
    _, till = (yaml.safe_load(block) for block in YAML.findall(DOCUMENT.read_text()))
    orders = till["options"]["tables"]["orders"]
    dataset = Dataset(
        name="orders", version="1", title="", source="rows", physical_name="orders", fingerprint="", place=PLACE,
        fields=(Field(name="number", physical_name="number", type="integer", key_position=1, place=PLACE),),
    )  # fmt: skip
    (batch,) = connectors.read(rows_source(orders=orders), dataset, folder=tmp_path)
    assert batch.frame.drop("_location", "_position").to_dicts() == orders
