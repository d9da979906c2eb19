"""Buckets of an S3 object store as places, by s3fs. An object is whole when it shows, so nothing waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catalog.models import Dataset, Source
from connectors.places.hosts import HostRule
from connectors.places.limits import PlaceLimits
from connectors.places.place import Entry
from connectors.places.remote import RemotePlace, moment
from connectors.places.storage import BucketStorage, storage_of

CONNECT_SECONDS = 10
ANSWER_SECONDS = 60
RETRIES = 3  # with growing pauses
REFUSALS = (
    "AccessDenied",
    "Forbidden",
    "403",
    "InvalidObjectState",
)  # of one object; other codes are of the whole bucket


class Bucket(RemotePlace):
    """What lies below `bucket/prefix`."""

    atomic = True
    tries = 1  # its library tries again by itself

    def __init__(self, root: str, limits: PlaceLimits, storage: BucketStorage) -> None:
        super().__init__(root, limits)
        self._storage = storage

    @property
    def faults(self) -> tuple[type[Exception], ...]:
        """See `RemotePlace.faults`."""
        from botocore.exceptions import BotoCoreError, ClientError

        return (ClientError, BotoCoreError, TimeoutError, ValueError)

    def connected(self) -> Any:
        """See `RemotePlace.connected`."""
        from s3fs import S3FileSystem

        storage = self._storage
        known = bool(storage.key and storage.secret)
        files = S3FileSystem(
            anon=not known, key=storage.key or None, secret=storage.secret or None, token=storage.token or None,
            endpoint_url=storage.endpoint_url or None, use_listings_cache=False, skip_instance_cache=True,
            client_kwargs={"region_name": storage.region} if storage.region else {},
            config_kwargs={
                "connect_timeout": CONNECT_SECONDS, "read_timeout": ANSWER_SECONDS, "retries": {"max_attempts": 1},
            },
        )  # fmt: skip
        files.retries = RETRIES
        return files

    def entry_of(self, path: str, info: Mapping[str, Any]) -> Entry:
        """See `RemotePlace.entry_of`."""
        if info["type"] == "directory":
            return Entry(path, "folder")
        version = str(info.get("ETag") or "").strip('"')
        proof = f"{version} {info['size']}" if version else ""
        return Entry(path, "file", int(info["size"]), moment(info.get("LastModified")), version, proof=proof)

    def refuses(self, error: Exception) -> bool:
        """See `RemotePlace.refuses`."""
        return isinstance(error, PermissionError) or _code(error) in REFUSALS

    def told(self, error: Exception) -> str:
        """See `RemotePlace.told`."""
        code = _code(error)
        if isinstance(error, PermissionError):
            return "access is denied"
        return f"the store answers {code}" if code else f"the store does not answer ({type(error).__name__})"


def bucket(location: str, source: Source, dataset: Dataset, limits: PlaceLimits, *, folder: Path) -> Bucket:
    """The place of `s3://bucket/prefix`; `storage.endpoint_url` names a store other than Amazon's."""
    storage = storage_of(BucketStorage, source, dataset, folder=folder)
    root = location.partition("://")[2].strip("/")
    url = urlsplit(storage.endpoint_url or f"https://s3.{storage.region or 'us-east-1'}.amazonaws.com")
    rule = HostRule.naming(url.scheme if url.scheme in ("http", "https") else "https", url.hostname or "", url.port)
    rule.refuse_resolved(*rule.named)
    return Bucket(root, limits, storage)


def _code(error: Exception) -> str:
    """The store's own word for what is wrong, such as NoSuchBucket."""
    for one in (error, error.__cause__):
        told = getattr(one, "response", None)
        if isinstance(told, dict):
            return str(told.get("Error", {}).get("Code", ""))[:60]
    return ""
