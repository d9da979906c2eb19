"""The HTTP door: `/v1` for programs, `/mcp` for agents, health for operators, `/docs` for people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

from fastapi import APIRouter, Body, Depends, FastAPI, Path, Query, Request
from fastapi_offline import FastAPIOffline
from starlette.responses import Response
from starlette.routing import Route

from catalog.models import Principal, Project
from serving import openapi, problems
from serving.agents import build_mcp, security_for
from serving.callers import Callers
from serving.context import Context, open_context
from serving.doorway import DOCS_FILES, Doorway
from serving.gate import Gate
from serving.limits import LARGEST_BODY, LONGEST_NAME
from serving.models import ContextAnswer, DatasetList, DatasetSummary, GapList, Health, Record
from serving.problems import ABSENT, NO_DATASET, problem
from serving.questions import GapRequest, SearchRequest


def create_app(
    project: Project,
    *,
    context: Context | None = None,
    callers: Callers | None = None,
    gate: Gate | None = None,
    host: str = "127.0.0.1",
) -> FastAPI:
    """The application of a project. `host` is the address it will listen on; MCP lets in no other Host header.

    SecretUnresolved or ProjectError where the keys of the policy do not resolve; LedgerError where the ledger does not
    open. An app runs once: its lifespan starts and stops the MCP door.
    """
    known = callers or Callers.of(project)
    service = context or open_context(project)
    limit = gate or Gate()
    mcp = build_mcp(service, gate=limit)
    door = mcp.streamable_http_app(
        stateless_http=True,
        max_request_body_size=LARGEST_BODY,
        transport_security=security_for(host),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with mcp.session_manager.run():
            yield

    # its documentation page brings its scripts along, instead of loading them from a public host
    app = FastAPIOffline(lifespan=lifespan, redoc_url=None, static_url=DOCS_FILES, **openapi.about(project))
    app.include_router(_v1(service, limit))
    app.include_router(_health(service))
    # POST only: a stateless server has nothing to send on a stream that a GET would hold open for ever
    app.router.routes.extend(
        Route(one.path, one.endpoint, methods=["POST"]) for one in door.routes if isinstance(one, Route)
    )
    problems.install(app)
    openapi.install(app)
    app.add_middleware(Doorway, callers=known)
    return app


def _caller(request: Request) -> Principal:
    return cast("Principal", request.state.caller)


Caller = Annotated[Principal, Depends(_caller)]
DatasetInPath = Annotated[str, Path(max_length=64, examples=["airports"])]
UrnInPath = Annotated[str, Path(max_length=LONGEST_NAME, examples=["urn:landbridge:airline:airports:JFK"])]


def _v1(context: Context, gate: Gate) -> APIRouter:
    v1 = APIRouter(prefix="/v1", tags=["context"])

    @v1.post("/search", responses=openapi.responses("search", 400, 401, 403, 404, 413, 422, 503))
    async def search(caller: Caller, asked: Annotated[SearchRequest, Body()]) -> ContextAnswer:
        """Answer a question with cited, dated records, or say why nothing is known."""
        return await gate.run(
            context.search,
            asked.query,
            principal=caller,
            channel="http",
            **asked.model_dump(include={"limit", "datasets", "session_id", "purpose", "as_of"}),
            filters=asked.filters,
        )

    @v1.get("/datasets", responses=openapi.responses("datasets", 401, 413, 503))
    async def datasets(caller: Caller) -> DatasetList:
        """List the datasets of which the caller may see at least one field."""
        return DatasetList(datasets=await gate.run(context.list_datasets, caller))

    @v1.get(
        "/datasets/{name}",
        response_model=DatasetSummary,
        responses=openapi.responses("dataset", 401, 404, 413, 422, 503),
    )
    async def dataset(caller: Caller, name: DatasetInPath) -> DatasetSummary | Response:
        """Describe one dataset: fields, owner, row counts, age and open findings."""
        found = [one for one in await gate.run(context.list_datasets, caller) if one.name == name]
        return found[0] if found else problem(404, NO_DATASET)

    @v1.get("/gaps", responses=openapi.responses("gaps", 401, 404, 413, 422, 503))
    async def gaps(caller: Caller, asked: Annotated[GapRequest, Query()]) -> GapList:
        """List what is known to be missing or contradictory, the gravest first."""
        return GapList(gaps=await gate.run(context.list_gaps, caller, **asked.model_dump()))

    @v1.get(
        "/records/{urn:path}",
        response_model=Record,
        responses=openapi.responses("record", 401, 404, 413, 422, 503),
    )
    async def record(caller: Caller, urn: UrnInPath) -> Record | Response:
        """Read one record by its urn: the document told of it, the row behind it, or both."""
        return await gate.run(context.get_record, urn, principal=caller) or problem(404, ABSENT)

    return v1


def _health(context: Context) -> APIRouter:
    health = APIRouter(tags=["health"])

    @health.get("/healthz", responses=openapi.responses("health"))
    async def healthz() -> Health:
        """Tell that the process is up."""
        return Health(status="up")

    @health.get("/readyz", response_model=Health, responses=openapi.responses("ready", 503))
    def readyz() -> Health | Response:
        """Tell whether questions can be answered: an index is published and the ledger answers."""
        reason = context.not_ready()
        return problem(503, reason[:1].upper() + reason[1:]) if reason else Health(status="ready")

    return health
