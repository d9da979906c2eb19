"""What callers are told when something is wrong: one line, no column names, no paths, no values of other people.

Over HTTP a problem is an `application/problem+json` (RFC 9457); over MCP it is the same line.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from catalog.errors import BadQuery, IndexStoreError, LandbridgeError, LedgerError
from serving.gate import RETRY_AFTER, Busy
from serving.visibility import Absent, Forbidden

MEDIA_TYPE = "application/problem+json"
ABSENT = "There is no such record, or it is not yours to see."
NO_DATASET = "There is no such dataset, or it is not yours to see."
UNAUTHORIZED = "This API key is not accepted. Without one you see what is public."
TOO_LARGE = "The request is larger than 1 MiB."
TITLES = {  # as RFC 9110 has them; Python's own differ between versions
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
MOST_TOLD, LONGEST_TOLD = 3, 200  # faults of one request; characters of one fault

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """A problem as RFC 9457 writes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Service Unavailable",
                "status": 503,
                "detail": "Nothing is published yet. Run the pipeline: landbridge run.",
            }
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None) -> Response:
    """A problem as a response."""
    body = Problem(title=title_of(status), status=status, detail=detail)
    return Response(body.model_dump_json(), status_code=status, headers=headers, media_type=MEDIA_TYPE)


def title_of(status: int) -> str:
    """What a status is called."""
    return TITLES.get(status) or HTTPStatus(status).phrase


def explain(error: LandbridgeError) -> tuple[int, str]:
    """The status and the line for one of our errors. What is not the caller's business goes to the log."""
    if isinstance(error, BadQuery | IndexStoreError):
        line = str(error)
        return _status(error), line[:1].upper() + line[1:]
    if isinstance(error, Busy):
        return 503, str(error)
    logger.error("%s: %s", type(error).__name__, error)
    if isinstance(error, LedgerError):
        return 503, "The ledger does not answer, and nothing is answered without a trace."
    return 500, "Something failed here. The server's log has the cause."


def _status(error: LandbridgeError) -> int:
    if isinstance(error, Forbidden):
        return 403
    if isinstance(error, Absent):
        return 404
    return 422 if isinstance(error, BadQuery) else 503


def faults(errors: Sequence[Any]) -> str:
    """What a validator found, in one line: where and what, never the value that was given."""
    told = []
    for one in errors[:MOST_TOLD]:
        place = ".".join(str(part) for part in one["loc"] if part not in ("body", "query", "path")) or "the body"
        told.append(f"{place}: {one['msg']}"[:LONGEST_TOLD])
    more = f"; and {len(errors) - MOST_TOLD} more" if len(errors) > MOST_TOLD else ""
    return " ".join(("; ".join(told) + more + ".").split())


def install(app: FastAPI) -> None:
    """Make `app` tell every fault as a problem."""
    app.add_exception_handler(LandbridgeError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(_: Request, error: Exception) -> Response:
    status, line = explain(error) if isinstance(error, LandbridgeError) else (500, "")
    return problem(status, line, headers={"Retry-After": str(RETRY_AFTER)} if isinstance(error, Busy) else None)


async def _invalid(_: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(one["type"] == "json_invalid" for one in found):
        return problem(400, "The body is not JSON.")
    return problem(422, faults(found))


async def _http(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    told = {
        400: "The body is not JSON in UTF-8.",
        404: "There is nothing at this address.",
        405: "Not with this method.",
    }
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return problem(status, told.get(status, title_of(status) + "."), headers=headers)


async def _unforeseen(_: Request, __: Exception) -> Response:
    # the server logs the traceback itself
    return problem(500, "Something failed here. The server's log has the cause.")
