"""Where a contract says that it is defined: read, linked to the glossary, and refused with its line where malformed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog import Classification, load_project
from catalog.models import Definition
from landbridge.cli import app

PORTS = """\
apiVersion: v3.1.0
kind: DataContract
id: ports
name: ports
version: 1.0.0
status: active
authoritativeDefinitions:
  - {url: https://catalog.example.org/ports, type: businessDefinition, description: The entry of the data catalog.}
description:
  purpose: Every port.
  authoritativeDefinitions:
    - {url: https://video.example.org/ports, type: videoTutorial}
schema:
  - name: ports
    physicalName: PORTS
    authoritativeDefinitions:
      - {url: https://git.example.org/ports.sql, type: transformationImplementation}
      - {url: https://video.example.org/ports, type: videoTutorial}
    properties:
      - name: code
        physicalName: CD
        logicalType: string
        primaryKey: true
        authoritativeDefinitions:
          - {id: port-code, url: https://www.unece.org/locode, type: businessDefinition}
      - {name: city, logicalType: string, classification: public}
      - name: height
        logicalType: number
        authoritativeDefinitions:
          - {url: https://wiki.example.org/height, type: glossary}
customProperties:
  - {property: landbridge.source, value: ops}
"""
GLOSSARY = """\
terms:
  - {term: Port, url: https://catalog.example.org/ports, definition: Where trips begin and end., foundIn: [trips.port]}
  - {term: Port code, id: port-code, definition: Five letters., foundIn: [ports.code]}
  - {term: Height, url: https://wiki.example.org/height, definition: Above the sea.}
"""

Spoil = Callable[..., Path]


@pytest.fixture
def defined(folder: Path) -> Path:
    (folder / "datasets" / "ports.odcs.yaml").write_text(PORTS)
    (folder / "glossary.yaml").write_text(GLOSSARY)
    return folder


def test_definitions_of_contract_description_and_object_are_the_datasets_each_once(defined: Path) -> None:
    ports = load_project(defined).datasets["ports"]
    assert [(one.type, one.url) for one in ports.definitions] == [
        ("businessDefinition", "https://catalog.example.org/ports"),
        ("videoTutorial", "https://video.example.org/ports"),
        ("transformationImplementation", "https://git.example.org/ports.sql"),
    ]
    assert ports.definitions[0].description == "The entry of the data catalog."


def test_definitions_of_a_property_are_the_fields(defined: Path) -> None:
    ports = load_project(defined).datasets["ports"]
    url = "https://www.unece.org/locode"
    assert ports.field("code").definitions == (Definition(id="port-code", url=url, type="businessDefinition"),)
    assert ports.field("city").definitions == ()


def test_a_business_definition_links_to_the_term_of_its_url_or_id_and_no_other_type_does(defined: Path) -> None:
    found = {term.name: term.found_in for term in load_project(defined).glossary}
    assert found == {"Port": (("trips", "port"), ("ports", "")), "Port code": (("ports", "code"),), "Height": ()}


def test_a_definition_moves_neither_labels_nor_personal_data_nor_roles(defined: Path) -> None:
    trips = defined / "datasets" / "trips.odcs.yaml"
    weight = load_project(defined).datasets["trips"].field("weight")
    linked = "tags: [personal]\n        authoritativeDefinitions: [{url: https://wiki.example.org/w, type: glossary}]"
    trips.write_text(trips.read_text().replace("tags: [personal]", linked))
    again = load_project(defined).datasets["trips"]
    assert len(again.field("weight").definitions) == 1
    assert again.field("weight").model_copy(update={"definitions": ()}).model_dump(exclude={"place"}) == (
        weight.model_dump(exclude={"place"})
    )
    assert (again.roles, weight.classification) == (("dispatcher",), Classification.confidential)


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("id: port-code, url: https://www.unece.org/locode, ", "", 25, "the key 'url' is missing. Add 'url: ...'"),
        (", type: glossary", "", 30, "the key 'type' is missing. Add 'type: ...' here."),
        ("type: glossary", "kind: glossary", 30, "the key 'type' is missing"),
        ("type: glossary}", "type: glossary, urll: x}", 30, "unknown key 'urll'. Did you mean 'url'?"),
        ("url: https://wiki.example.org/height", "url: 7", 30, "'url' must be text, not a whole number"),
        ("url: https://wiki.example.org/height", 'url: ""', 30, "'' is no URL"),
        ("url: https://wiki.example.org/height", "url: see the wiki", 30, "'see the wiki' is no URL"),
        ("https://wiki.example.org", "https://me:secret@wiki.example.org", 30, "a password stands in the URL"),
        ("type: glossary", 'type: " "', 30, "'type' is empty. Write businessDefinition"),
        ("  - {url: https://catalog.example.org/ports, type", "  {url: https://catalog.example.org/ports, type", 7,
         "'authoritativeDefinitions' must be a list, not a mapping."),
    ],
)  # fmt: skip
def test_check_refuses_a_malformed_definition_with_its_line(
    defined: Path, old: str, new: str, line: int, told: str
) -> None:
    path = defined / "datasets" / "ports.odcs.yaml"
    assert PORTS.count(old) == 1
    path.write_text(PORTS.replace(old, new))
    done = CliRunner().invoke(app, ["check", "--project", str(defined)])
    assert done.exit_code == 2
    assert f"datasets/ports.odcs.yaml:{line}: " in done.output
    assert told in done.output
    assert "secret@" not in done.output


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("{term: Harbour, id: port-code, definition: x}", "the id 'port-code' stands on line 3 already."),
        ("{term: Harbour, url: https://catalog.example.org/ports, definition: x}", "stands on line 2 already."),
        ("{term: Harbour, url: https://a b, definition: x}", "'url': 'https://a b' is no URL."),
    ],
)
def test_check_refuses_terms_that_contracts_could_not_tell_apart(defined: Path, more: str, told: str) -> None:
    (defined / "glossary.yaml").write_text(f"{GLOSSARY}  - {more}\n")
    done = CliRunner().invoke(app, ["check", "--project", str(defined)])
    assert (done.exit_code, "glossary.yaml:5: " in done.output, told in done.output) == (2, True, True)
