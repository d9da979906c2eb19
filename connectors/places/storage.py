"""What a source may declare of a place beside its location: `options.storage`, in which secrets are references only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from catalog.secrets import is_reference, resolve

REMEDY = "Correct `options.storage` of the source; see docs/formats/places.md."


class Storage(BaseModel):
    """What may be declared of a place; each kind of place has a subclass. `SECRETS` names what must be a reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    SECRETS: ClassVar[frozenset[str]] = frozenset()


class BucketStorage(Storage):
    """Of `s3://`. Without `key` and `secret` the bucket is asked as nobody in particular."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"secret", "token"})

    key: str = ""
    secret: str = ""
    token: str = ""
    endpoint_url: str = ""
    region: str = ""


class SshStorage(Storage):
    """Of `sftp://`. The server's key must be known: by `host_key`, or by a `known_hosts` file (default: the user's)."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"password", "passphrase"})

    password: str = ""
    key_file: str = ""
    passphrase: str = ""
    host_key: str = ""  # as in known_hosts, without the host: `ssh-ed25519 AAAA...`
    known_hosts: str = ""


class WebStorage(Storage):
    """Of `http://` and `https://`. `headers` are sent with every request to the source's own host."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"password"})

    username: str = ""
    password: str = ""
    headers: dict[str, str] = {}


STORAGES: Mapping[str, type[Storage]] = {
    "s3": BucketStorage, "sftp": SshStorage, "http": WebStorage, "https": WebStorage,
}  # fmt: skip


def storage_of(kind: type[Storage], source: Source, dataset: Dataset, *, folder: Path) -> Any:
    """The declared storage with its secrets resolved, of class `kind`. Raises SourceUnreadable, SecretUnresolved."""
    faults = storage_faults(source)
    if faults:
        raise SourceUnreadable(source.name, dataset.name, faults[0], REMEDY)
    return kind.model_validate(_resolved(source.options.get("storage", {}), folder))


def storage_faults(source: Source) -> list[str]:
    """What is wrong with the declared storage, a sentence each, without resolving a secret."""
    told = source.options.get("storage", {})
    kind = STORAGES.get(source.location.partition("://")[0].lower(), Storage)
    if not isinstance(told, Mapping):
        return ["`storage` is no mapping of names to values"]
    try:
        kind.model_validate(dict(told))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        return [f"`storage.{'.'.join(map(str, fault['loc']))}`: {fault['msg']}" for fault in faults]
    plain = [name for name in told if name in kind.SECRETS and told[name] and not is_reference(told[name])]
    headers = told.get("headers", {})
    plain += [f"headers.{name}" for name in headers if _tells_secret(name) and not is_reference(headers[name])]
    return [f"`storage.{name}` is a secret. Write a reference: ${{env:NAME}} or ${{file:PATH}}" for name in plain]


def _tells_secret(header: str) -> bool:
    return any(word in header.lower() for word in ("auth", "token", "key", "cookie", "secret"))


def _resolved(told: Any, folder: Path) -> Any:
    if isinstance(told, str):
        return resolve(told, folder=folder)
    return {name: _resolved(value, folder) for name, value in told.items()} if isinstance(told, Mapping) else told
