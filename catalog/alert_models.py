"""What a project says of telling people: through which channel, from which severity on."""

from __future__ import annotations

from typing import Literal

from catalog.declaration import Declaration, Place


class MailTo(Declaration):
    """Who gets a mail, from whom, and through which server: `smtp` is a reference to `smtp://user:password@host:port`."""

    to: tuple[str, ...]
    sender: str
    smtp: str


class AlertChannel(Declaration):
    """Where findings are told when they open: a `webhook` on the declared `host`, or a `mail`.

    Told are findings at least as grave as `least`, in their first opening (`new`) or a later one (`reopened`), each
    once. `webhook` and `signing_key` are secret references.
    """

    name: str
    webhook: str = ""
    host: str = ""
    signing_key: str = ""
    mail: MailTo | None = None
    least: Literal["critical", "warning"] = "critical"
    states: tuple[Literal["new", "reopened"], ...] = ("new", "reopened")
    link: str = ""  # where a person looks further; told with every alert
    place: Place
