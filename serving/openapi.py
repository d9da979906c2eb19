"""The description of the HTTP door: an example on every operation, and every problem it may answer with."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from catalog.models import Project
from serving.problems import ABSENT, MEDIA_TYPE, TITLES, TOO_LARGE, UNAUTHORIZED, Problem

DESCRIPTION = (
    "Governed context from systems of record. Every answer carries its source, its age, its known gaps and the rule "
    "that let the caller see it. Send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`; without one you "
    "see what is public. MCP for agents is at `/mcp`."
)
TOLD = {
    400: "The body is not JSON in UTF-8.",
    401: UNAUTHORIZED,
    403: "Asking as of an earlier time is for auditors. Give this principal the role 'auditor' in the policies.",
    404: ABSENT,
    413: TOO_LARGE,
    422: "query: String should have at most 2000 characters.",
    503: "Nothing is published yet. Run the pipeline: landbridge run.",
}
CITATION = {
    "source": "ops",
    "dataset": "airports",
    "location": "AIRPT",
    "key": "JFK",
    "urn": "urn:landbridge:airline:airports:JFK",
}
AGE = {"as_of": "2026-01-02T02:00:04Z", "age_seconds": 28800.0, "fresh": True}
DATASET = {
    "name": "airports",
    "title": "Airports",
    "description": "The airports that operations plans with.",
    "domain": "operations",
    "owner": "network-data",
    "source": "ops",
    "fields": [{"name": "code", "type": "string", "title": "Code", "classification": "public", "key": True}],
    "withheld_fields": 0,
    "rows": {"read": 1458, "indexed": 1458, "quarantined": 0, "filtered": 0, "duplicate": 0, "failed": 0},
    "documents": 1458,
    "promised_seconds": 172800.0,
    "open_findings": 1,
    **AGE,
}
EXAMPLES: dict[str, Any] = {
    "search": {
        "query": "Where is JFK?",
        "known": True,
        "reason": "",
        "hits": [
            {
                "rank": 1,
                "score": 0.0328,
                "similarity": 0.61,
                "document_id": "urn:landbridge:airline:airports:JFK",
                "urn": "urn:landbridge:airline:airports:JFK",
                "dataset": "airports",
                "kind": "airport",
                "key": "JFK",
                "title": "Airport JFK",
                "text": "John F Kennedy Intl (JFK), New York.",
                "breadcrumb": "",
                "citation": CITATION,
                "gaps": [],
                "why": "key match 'JFK'; text and meaning",
                "visible_because": "it is public",
                **AGE,
            }
        ],
        "gaps": [],
        "index_version": 24,
        "took_ms": 31.0,
        "session_id": "5f0c3a4e-6f0f-4a57-9f43-0f6d1b7e2c11",
        "interaction_id": "c9d1b2de-13a7-4a36-8c1e-3a2b5f4d6e77",
    },
    "datasets": {"datasets": [DATASET]},
    "dataset": DATASET,
    "gaps": {
        "gaps": [
            {
                "id": "9f2c41d07be3a865",
                "rule": "destination-not-listed",
                "kind": "orphan-reference",
                "state": "open",
                "first_seen": "2026-03-01T02:04:11Z",
                "age_seconds": 2592000.0,
                "dataset": "flights",
                "stage": "gaps",
                "severity": "warning",
                "count": 7602,
                "unit": "rows",
                "message": "4 values of destination have no match in airports.code.",
                "sample_keys": ["SJU", "BQN", "STT", "PSE"],
                "evidence": {"distinct_keys": 4},
                "owner": "network-data",
                "remedy": "Add the airports to the operations list from the facilities master.",
                "blocking": False,
                "withheld": False,
            }
        ]
    },
    "record": {
        "urn": "urn:landbridge:airline:airports:JFK",
        "dataset": "airports",
        "kind": "airport",
        "key": "JFK",
        "title": "Airport JFK",
        "text": "John F Kennedy Intl (JFK), New York.",
        "passages": [{"breadcrumb": "", "text": "John F Kennedy Intl (JFK), New York."}],
        "values": {"code": "JFK", "name": "John F Kennedy Intl"},
        "withheld": [],
        "gaps": [],
        "citation": CITATION,
        "visible_because": "it is public",
        **AGE,
    },
    "health": {"status": "up"},
    "ready": {"status": "ready"},
}


def about(project: Project) -> dict[str, Any]:
    """Title and text of the description."""
    return {"title": f"Landbridge: {project.title or project.name}", "version": "1", "description": DESCRIPTION}


def responses(example: str, *problems: int) -> dict[int | str, dict[str, Any]]:
    """The documented responses of an operation: its example, and the problems it may answer with."""
    told: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": EXAMPLES[example]}}}}
    for status in problems:
        body = Problem(title=TITLES[status], status=status, detail=TOLD[status]).model_dump()
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": body}}
        told[status] = {"description": TITLES[status], "content": content}
    return told


def install(app: FastAPI) -> None:
    """Add to the generated description what the framework does not know: the keys, and the shape of a problem."""
    generated = app.openapi

    def described() -> dict[str, Any]:
        schema = generated()
        parts = schema.setdefault("components", {})
        parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        parts["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API key of the policy."},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                if path.startswith("/v1/"):  # a key is never demanded: without one the caller is anonymous
                    operation["security"] = [{}, {"bearer": []}, {"key": []}]
        return schema

    app.openapi = described  # type: ignore[method-assign]  # the way FastAPI documents
