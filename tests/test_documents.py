"""What the documents say is so: commands exist, links lead somewhere, examples parse and load."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path for path in ROOT.rglob("*.md") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`landbridge ([^`\n]+)`")
BARE = re.compile(r"`(--[a-z][a-z-]*)[^`\n]*`")
DECLARED = re.compile(r'"(--[a-z][a-z-]*)"')  # by our scripts
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _blocks(kind):
    return [
        pytest.param(body, id=f"{path.relative_to(ROOT)}:{path.read_text()[: match.start()].count(chr(10)) + 1}")
        for path in DOCUMENTS
        for match in BLOCK.finditer(path.read_text())
        if (language := match[1]) == kind and (body := match[2]) and language
    ]


def _commands(block):
    joined = block.replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in joined.splitlines() if line.strip()]


def _command(words):
    """The command that these words name, and the words behind its name."""
    from landbridge.cli import app

    command, rest = typer.main.get_command(app), words
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):  # a group: `quarantine list`
        command, rest = command.commands[rest[0].rstrip(",")], rest[1:]
    return command, rest


def _options(command):
    return {"--help", *(option for one in command.params for option in (*one.opts, *one.secondary_opts))}


def _all_options(command):
    return _options(command).union(*(_all_options(one) for one in getattr(command, "commands", {}).values()))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_to_something(path):
    targets = [target for target in LINK.findall(path.read_text()) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("block", _blocks("console"))
def test_every_command_shown_is_one_that_exists(block):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in _commands(block):
        if words[0] == "make":
            assert [word for word in words[1:] if "=" not in word and word not in targets] == []
        elif words[0] == "landbridge":
            command, rest = _command(words[1:])
            context = command.make_context(words[1], [word for word in rest if word != "&"])
            assert context.params
        elif words[0] == "python":
            assert (ROOT / words[1]).is_file()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_named_in_a_sentence_is_known(path):
    unknown, text = [], path.read_text()
    for told in INLINE.findall(text):
        command, rest = _command(told.split())
        options = _options(command)
        named = [word.partition("=")[0] for word in rest if word.startswith("--")]
        unknown += [f"landbridge {told}" for option in named if option not in options]
    known = _all_options(_command([])[0])
    scripts = [*ROOT.glob("evals/*.py"), *ROOT.glob("examples/**/*.py")]
    known |= {option for script in scripts for option in DECLARED.findall(script.read_text())}
    assert unknown + [option for option in BARE.findall(text) if option not in known] == []


@pytest.mark.parametrize("block", _blocks("json"))
def test_every_json_example_parses(block):
    json.loads(block)


def test_the_contract_examples_load_as_a_contract_reads_them():
    from catalog.extensions import ContractExtensions, gather
    from catalog.shapes import shaped
    from catalog.yaml_lines import parse_part

    found = []
    text = (ROOT / "docs" / "contracts.md").read_text()
    shown = "".join(body for kind, body in BLOCK.findall(text) if kind == "yaml")
    whole = "customProperties:\n- {property: landbridge.source, value: ops}\n" + shown
    part = parse_part(whole, file="docs/contracts.md", found=found)
    shape = shaped(ContractExtensions, gather(part, ContractExtensions, found=found), found=found)
    assert found == []
    assert len(shape.documents) == 1
    assert {gap.kind for gap in shape.gaps} == {"missing_reference", "missing_value", "missing_period", "conflict"}
