"""Secrets by reference: `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`, resolved when a connection is made.

Declarations hold the reference only; the value is never stored, printed or traced.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from catalog.errors import SecretUnresolved

_REFERENCE = re.compile(r"\$\{(?P<inside>[^{}]*)\}")
_ENV = re.compile(r"env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_PASSWORD = re.compile(r"://[^/@\s]*?:[^@\s]+@")
_FILE = re.compile(r"file:(?P<path>[^\x00]+)")


def references(text: str) -> tuple[str, ...]:
    """The references in `text` as they are written, in order."""
    return tuple(match.group() for match in _REFERENCE.finditer(text))


def is_reference(text: str) -> bool:
    """Whether the whole of `text` is one reference without a default, so that no secret can stand in the file."""
    match = _REFERENCE.fullmatch(text)
    env = match and _ENV.fullmatch(match["inside"])
    return bool(match and ((env and env["default"] is None) or _FILE.fullmatch(match["inside"])))


def malformed(text: str) -> tuple[str, ...]:
    """References in `text` that cannot be resolved anywhere, because they are not written as one."""
    whole = list(_REFERENCE.finditer(text))
    wrong = [m.group() for m in whole if not (_ENV.fullmatch(m["inside"]) or _FILE.fullmatch(m["inside"]))]
    return (*wrong, *(["${"] if "${" in _REFERENCE.sub("", text) else []))


def holds_password(url: str) -> bool:
    """Whether a password stands in a URL as it is; a reference to one is none."""
    return bool(_PASSWORD.search(_REFERENCE.sub("", url)))


def resolve(text: str, *, folder: Path) -> str:
    """`text` with each reference replaced by its value; files are relative to the project `folder`.

    Raises SecretUnresolved, which names the variable or file and never shows a value.
    """
    for wrong in malformed(text):
        raise SecretUnresolved(wrong, "Write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}.")
    return _REFERENCE.sub(lambda match: _value(match.group(), match["inside"], folder), text)


def _value(reference: str, inside: str, folder: Path) -> str:
    env = _ENV.fullmatch(inside)
    if env is None:
        return _from_file(reference, folder / inside.removeprefix("file:"))
    value = os.environ.get(env["name"])
    if value:
        return value
    if env["default"] is not None:
        return env["default"]
    # the reference has no default, so showing it shows no secret
    raise SecretUnresolved(reference, f"Set the environment variable {env['name']}.")


def _from_file(reference: str, path: Path) -> str:
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SecretUnresolved(reference, f"The file {path} is not UTF-8 text.") from error
    except OSError as error:
        told = error.strerror or "cannot be read"
        raise SecretUnresolved(reference, f"Write the secret into {path}, readable by this user ({told}).") from error
    return text.removesuffix("\n").removesuffix("\r")
