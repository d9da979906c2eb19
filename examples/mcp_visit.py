"""Visit a running Landbridge server with the official MCP client, and print the visit as Markdown.

    python examples/mcp_visit.py http://127.0.0.1:8787/mcp [API-KEY]

docs/mcp-transcript.md is what it prints on the airline example.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_datasets", {}),
    ("search", {"query": "Which aircraft flew to San Juan without a registry record?", "limit": 2}),
    ("get_record", {"urn": "urn:landbridge:airline:facilities:SJU"}),
    ("list_gaps", {"dataset": "flights", "severity": "warning"}),
    ("search", {"query": "Who won the chess tournament in Reykjavik?"}),
    ("search", {"query": "JFK", "limit": 500}),
]
MOST, LONGEST = 2, 240  # entries of a list, characters of a text


def cut(value: Any) -> Any:
    """The value with its lists and texts shortened, so that a person can read it."""
    if isinstance(value, dict):
        return {name: cut(one) for name, one in value.items()}
    if isinstance(value, list):
        more = [f"... {len(value) - MOST} more"] if len(value) > MOST else []
        return [cut(one) for one in value[:MOST]] + more
    return f"{value[:LONGEST]} ..." if isinstance(value, str) and len(value) > LONGEST else value


async def visit(url: str, key: str) -> None:
    """List the tools, call each of them, and be refused once."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=120) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        tools = (await client.list_tools()).tools
        print(f"Protocol {client.protocol_version}; tools: {', '.join(tool.name for tool in tools)}.\n")
        for name, arguments in CALLS:
            result = await client.call_tool(name, arguments)
            told = result.content[0].text if result.is_error else json.dumps(cut(result.structured_content), indent=1)
            refused = " is refused" if result.is_error else ""
            print(f"`{name}` `{json.dumps(arguments)}`{refused}\n\n```text\n{told}\n```\n")


if __name__ == "__main__":
    anyio.run(visit, sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
