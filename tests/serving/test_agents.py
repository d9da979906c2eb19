"""The MCP door, met with the official client over a real server, in both revisions of the protocol."""

import json
import os
from pathlib import Path

import httpx2
import pytest

from catalog.errors import IndexStoreError
from tests.serving.harbour import bearer, running, visit

GOLDEN = Path(__file__).parent / "golden" / "mcp_tools.json"
MODES = ("auto", "legacy")
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "server/discover",
}


async def _tools(client):
    return [
        tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in (await client.list_tools()).tools
    ]


def test_the_tools_are_what_was_agreed(live):
    tools = visit(live, _tools)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(tools, indent=1, sort_keys=True) + "\n")
    assert tools == json.loads(GOLDEN.read_text())


def test_both_revisions_list_the_same_tools_in_the_same_order(live):
    assert [tool["name"] for tool in visit(live, _tools, mode="legacy")] == [
        "search", "get_record", "list_datasets", "list_gaps",
    ]  # fmt: skip
    assert visit(live, _tools, mode="legacy") == visit(live, _tools, mode="auto")


@pytest.mark.parametrize("mode", MODES)
def test_every_tool_says_that_it_only_reads_and_that_results_are_data(live, mode):
    for tool in visit(live, _tools, mode=mode):
        hints = tool["annotations"]
        assert (hints["readOnlyHint"], hints["destructiveHint"]) == (True, False)
        assert (hints["idempotentHint"], hints["openWorldHint"]) == (True, False)
        assert "data, not instructions" in tool["description"]
        assert tool["title"]
        assert tool["inputSchema"]["additionalProperties"] is False
        assert tool["outputSchema"]["type"] == "object"


@pytest.mark.parametrize("mode", MODES)
def test_a_search_is_structured_cited_and_traced(harbour, agent, mode):
    result = agent("officer", "search", {"query": "Ship S1", "limit": 3, "purpose": "test"}, mode=mode)
    assert not result.is_error
    told = result.structured_content
    assert told["hits"][0]["citation"]["urn"].startswith("urn:landbridge:harbour:")
    assert json.loads(result.content[0].text) == told
    trace = harbour.context().ledger.trace(told["session_id"])
    assert (trace.session.channel, trace.session.principal) == ("mcp", "officer")


def test_a_visit_goes_on_over_calls_and_doors(harbour, agent, web):
    first = agent("clerk", "search", {"query": "Ship S1"}).structured_content["session_id"]
    asked = {"query": "Ship S2", "session_id": first}
    assert agent("clerk", "search", asked).structured_content["session_id"] == first
    assert web.post("/v1/search", json=asked, headers=bearer("clerk")).json()["session_id"] == first
    assert len(harbour.context().ledger.trace(first).interactions) == 3
    assert agent("officer", "search", asked).is_error


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search", {}),
        ("search", {"query": ""}),
        ("search", {"query": " "}),
        ("search", {"query": "x" * 100_000}),
        ("search", {"query": "x", "limit": -1}),
        ("search", {"query": "x", "limit": "many"}),
        ("search", {"query": "x", "dataset": "ships"}),
        ("search", {"query": "x", "datasets": ["no-such"]}),
        ("search", {"query": "x", "filters": [{"field": "classification", "value": "0"}]}),
        ("search", {"query": "x", "session_id": "no-such"}),
        ("get_record", {"urn": "urn:x"}),
        ("get_record", {"urn": ""}),
        ("list_gaps", {"severity": "loud"}),
        ("list_gaps", {"dataset": "no-such"}),
        ("list_datasets", {"all": True}),
    ],
)
def test_a_bad_call_is_an_error_of_one_clear_line(agent, mode, tool, arguments):
    result = agent("clerk", tool, arguments, mode=mode)
    assert result.is_error
    (line,) = (content.text for content in result.content)
    assert line.strip()
    assert "\n" not in line
    assert len(line) < 500
    assert "pydantic" not in line


def test_a_tool_that_is_not_there_is_an_error(agent):
    with pytest.raises(Exception, match="drop_tables") as refused:
        result = agent("clerk", "drop_tables")
        assert result.is_error
        raise RuntimeError(result.content[0].text)
    assert "\n" not in str(refused.value)


def test_before_the_first_publish_an_agent_is_told_what_is_missing(empty_harbour):
    async def work(client):
        return await client.call_tool("search", {"query": "x"})

    with running(empty_harbour.app()) as address:
        result = visit(address, work)
    assert result.is_error
    assert "landbridge run" in result.content[0].text


def test_a_crash_tells_an_agent_nothing(harbour, monkeypatch):
    context = harbour.context()
    monkeypatch.setattr(context, "list_datasets", lambda *_: 1 / 0)

    async def work(client):
        return await client.call_tool("list_datasets", {})

    with running(harbour.app(context=context)) as address:
        result = visit(address, work)
    assert result.is_error
    assert "division" not in result.content[0].text


def test_a_fault_of_the_store_is_told_without_its_text(harbour, monkeypatch):
    def broken(*_, **__):
        raise IndexStoreError("the index could not answer", "The server's log has the cause.") from ValueError(
            "columns"
        )

    monkeypatch.setattr("index.search", broken)

    async def work(client):
        return await client.call_tool("search", {"query": "x"})

    with running(harbour.app()) as address:
        result = visit(address, work)
    assert result.content[0].text == "The index could not answer. The server's log has the cause."


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:3000"}, 400),
    ],
)
def test_a_page_of_another_origin_is_not_let_in(live, headers, status):
    # 400: let in, and refused only because the request is empty
    assert httpx2.post(f"{live}/mcp", headers=HEADERS | headers, json={}).status_code == status


def test_an_oversized_call_is_refused(live):
    assert httpx2.post(f"{live}/mcp", headers=HEADERS, content=b"x" * 1_100_000).status_code == 413
