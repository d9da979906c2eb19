"""Where the index lies when it is not on a disk: a prefix in a bucket of an S3-compatible store, and the way in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import SecretStr

from catalog.errors import Problem, ProjectError
from catalog.settings import Settings

LEASE = 60.0  # seconds after its last sign of life before a writer counts as dead

NOTHING = SecretStr("")


@dataclass(frozen=True)
class ObjectPlace:
    """`s3://bucket/prefix`. What is empty comes from where AWS programs look: AWS_* variables, profiles, roles."""

    uri: str
    endpoint: str = ""  # of a store other than Amazon's
    region: str = ""
    key: str = ""
    secret: SecretStr = field(default=NOTHING)
    token: SecretStr = field(default=NOTHING)
    lease: float = LEASE

    @property
    def bucket(self) -> str:
        """The bucket."""
        return urlsplit(self.uri).netloc

    @property
    def prefix(self) -> str:
        """What the names of all its objects begin with."""
        return urlsplit(self.uri).path.strip("/")

    def __str__(self) -> str:
        return self.uri


def object_place(settings: Settings, *, resolve: Callable[[str], str] = str) -> ObjectPlace | None:
    """The place that LANDBRIDGE_INDEX and its companions name; None where it is unset or a folder.

    `resolve` turns a secret's reference into the secret. ProjectError, which names the variable, where they make no
    sense.
    """
    uri = settings.index or ""
    if "://" not in uri:
        return None
    if not uri.startswith("s3://") or not urlsplit(uri).netloc or not urlsplit(uri).path.strip("/"):
        told = "is neither a folder nor a place in an S3-compatible store."
        raise ProjectError([Problem("LANDBRIDGE_INDEX", 0, told, "Write s3://bucket/prefix.")])
    secret, token = settings.index_secret or NOTHING, settings.index_token or NOTHING
    if bool(settings.index_key) != bool(secret.get_secret_value()):
        alone, absent = ("KEY", "SECRET") if settings.index_key else ("SECRET", "KEY")
        told = f"is set without LANDBRIDGE_INDEX_{absent}."
        raise ProjectError([Problem(f"LANDBRIDGE_INDEX_{alone}", 0, told, "Set both, or neither.")])
    return ObjectPlace(
        uri=uri.rstrip("/"),
        endpoint=settings.index_endpoint or "",
        region=settings.index_region or "",
        key=settings.index_key or "",
        secret=SecretStr(resolve(secret.get_secret_value())),
        token=SecretStr(resolve(token.get_secret_value())),
        lease=settings.index_lease,
    )
