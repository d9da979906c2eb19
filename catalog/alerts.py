"""Read `alerts` of project.yaml: whom to tell when a finding opens, and how."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from catalog.errors import Problem
from catalog.models import AlertChannel, MailTo
from catalog.names import shown
from catalog.secrets import is_reference
from catalog.shapes import Filled, Shape, Slug, shaped
from catalog.yaml_lines import Part

_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|[0-9a-f:]+:[0-9a-f:]*"
)
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


def _secret(text: str) -> str:
    if text and not is_reference(text):  # the text itself may be a secret, so it is not shown
        raise ValueError("a reference belongs here, not the secret itself. Write ${env:NAME} or ${file:PATH}")
    return text


def _host(text: str) -> str:
    if text and not _HOST.fullmatch(text):
        raise ValueError(f"{shown(text)} is no host. Write its name alone, such as hooks.example.org")
    return text


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"{shown(text)} is no mail address. Write it as in team@example.org")
    return text


def _link(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError(f"{shown(text)} is no link. Begin with https://")
    return text


Secret = Annotated[str, AfterValidator(_secret)]
Address = Annotated[str, AfterValidator(_address)]


class MailShape(Shape):
    """What `mail` may hold."""

    to: list[Address] = Field(min_length=1)
    sender: Address = Field(alias="from")
    smtp: Annotated[Filled, AfterValidator(_secret)]


class AlertShape(Shape):
    """What an entry of `alerts` may hold."""

    name: Slug
    webhook: Secret = ""
    host: Annotated[str, AfterValidator(_host)] = ""
    signing_key: Secret = ""
    mail: MailShape | None = None
    least: Literal["critical", "warning"] = Field(default="critical", alias="on")
    states: list[Literal["new", "reopened"]] = Field(default=["new", "reopened"], min_length=1)
    link: Annotated[str, AfterValidator(_link)] = ""


def read_alerts(part: Part, *, found: list[Problem]) -> tuple[AlertChannel, ...]:
    """The channels of project.yaml; faults are added to `found`."""
    if part.value is None:
        return ()
    if not isinstance(part.value, list):
        found.append(part.problem("'alerts' must be a list.", "Write '- name: ...' for each channel."))
        return ()
    channels: list[AlertChannel] = []
    for at in part.items():
        shape = shaped(AlertShape, at, found=found)
        if shape is not None:
            found.extend(_faults(shape, at, channels))
            channels.append(_channel(shape, at))
    return tuple(channels)


def _channel(shape: AlertShape, at: Part) -> AlertChannel:
    mail = shape.mail and MailTo(to=tuple(shape.mail.to), sender=shape.mail.sender, smtp=shape.mail.smtp)
    given = shape.model_dump(exclude={"mail", "states"})
    return AlertChannel(**given, mail=mail, states=tuple(shape.states), place=at.place)


def _faults(shape: AlertShape, at: Part, before: Sequence[AlertChannel]) -> Iterator[Problem]:
    if any(one.name == shape.name for one in before):
        yield at.get("name").problem(f"the channel '{shape.name}' is declared already.", "Give it another name.")
    if bool(shape.webhook) == bool(shape.mail):
        yield at.problem(f"the channel '{shape.name}' needs one of 'webhook' and 'mail'.", "Write exactly one.")
    if shape.webhook and not shape.host:
        yield at.problem("a webhook needs the 'host' it is on.", "Add host: hooks.example.org, for example.")
    for key, value in (("host", shape.host), ("signingKey", shape.signing_key)):
        if value and not shape.webhook:
            yield at.get(key).problem(f"'{key}' means nothing without a webhook.", "Remove it.")
