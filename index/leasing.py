"""Let one run at a time write an index in an object store: a lease, which is one object that is put conditionally.

Every step (take, show a sign of life, give back, take over) replaces the object only if it is as it was last seen, so
of two that try one wins. How long a holder has been silent is told by the store's own clock, or by how long the object
stayed as it is; clocks of two machines are never compared. Who holds it asks before each move of a tag whether it
still does: a run that was suspended for longer than its lease finds out, and publishes nothing.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from catalog.errors import IndexStoreError
from catalog.index_place import ObjectPlace
from index.locking import Holder, Still, Waiting
from index.object_storage import TRIES, client_faults_told, client_of

NAME = "writer.lease"
BEATS = 4  # signs of life within one lease: three may be lost
SLACK = 2.0  # seconds; stores tell times in whole ones
LOOK = 1.0  # seconds between two looks at a lease that another run holds
REFUSED = (409, 412)  # the object is not as it was seen, or somebody writes it at this moment

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """The lease as it lies in the store: `tag` changes with every write, `silent` is seconds by the store's clock."""

    tag: str
    mark: str
    holder: Holder | None  # None: it was given back
    seconds: float
    silent: float


class ObjectLease:
    """The lease on one place, for `WriterLock`."""

    def __init__(self, place: ObjectPlace) -> None:
        self.place = place
        self._key = f"{place.prefix}/{NAME}"

    @contextmanager
    def hold(self, *, run: str, patience: float, waiting: Waiting | None = None) -> Iterator[Still]:
        """See `WriterLock.hold`. What it yields raises IndexStoreError once another run has taken over."""
        with client_faults_told(self.place):
            client: Any = client_of(self.place)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        holder = Holder(run, os.getpid(), now, socket.gethostname())
        held = _Held(self, client, holder, self._take(client, holder, patience, waiting))
        held.start()
        try:
            yield held.confirm
        finally:
            held.end()

    def _take(self, client: Any, holder: Holder, patience: float, waiting: Waiting | None) -> str:
        """Wait for the turn; the tag of the lease as we wrote it."""
        began = looked = time.monotonic()
        last = ""
        while True:
            with client_faults_told(self.place):
                seen = self.seen(client)
                if seen is None or seen.tag != last:
                    last, looked = seen.tag if seen else "", time.monotonic()
                if seen is None or seen.holder is None or self._is_over(seen, time.monotonic() - looked):
                    tag = self.put(client, holder, seen.tag if seen else None)
                    if tag:
                        if seen and seen.holder:
                            logger.warning("took over from %s, which has shown no sign of life", seen.holder)
                        return tag
                    continue
            waited = time.monotonic() - began
            if waited >= patience:
                raise IndexStoreError(
                    f"another run is writing the index: {seen.holder}",
                    f"Wait until it has ended, then run again; a dead one is passed over after {seen.seconds:.0f} s.",
                )
            if waiting:
                waiting(seen.holder, waited)
            time.sleep(min(LOOK, max(0.0, patience - waited)))

    @staticmethod
    def _is_over(seen: Seen, unchanged: float) -> bool:
        return max(seen.silent, unchanged) > seen.seconds + SLACK

    def seen(self, client: Any) -> Seen | None:
        """The lease as it is; None before the first run."""
        from botocore.exceptions import ClientError

        try:
            found = client.get_object(Bucket=self.place.bucket, Key=self._key)
        except ClientError as error:
            if error.response["Error"].get("Code") == "NoSuchKey":
                return None
            raise
        answered = found["ResponseMetadata"]["HTTPHeaders"].get("date")
        silent = (parsedate_to_datetime(answered) - found["LastModified"]).total_seconds() if answered else 0.0
        try:
            body = json.loads(found["Body"].read())
            holder = Holder(**body["holder"]) if body["holder"] else None
            return Seen(found["ETag"], body["mark"], holder, float(body["seconds"]), silent)
        except (ValueError, KeyError, TypeError) as error:
            raise IndexStoreError(
                f"the index at {self.place} cannot be written: its object {NAME} is damaged",
                "See that no run is under way, then delete that object.",
            ) from error

    def put(self, client: Any, holder: Holder | None, tag: str | None) -> str | None:
        """Write the lease if it is still as `tag` says (None: not there); its new tag, or None if it is not."""
        from botocore.exceptions import ClientError

        # tags are sums of the content: the mark makes each one new, so that no old one ever fits again
        mark = uuid.uuid4().hex
        told = {"holder": asdict(holder) if holder else None, "seconds": self.place.lease, "mark": mark}
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        for _ in range(TRIES):
            try:
                body = json.dumps(told).encode()
                return str(client.put_object(Bucket=self.place.bucket, Key=self._key, Body=body, **condition)["ETag"])
            except ClientError as error:
                if error.response["ResponseMetadata"].get("HTTPStatusCode") not in REFUSED:
                    raise
            now = self.seen(client)
            if now and now.mark == mark:  # the answer got lost on the way, and the client tried again
                return now.tag
            if (now.tag if now else None) != tag:
                return None
        raise IndexStoreError(
            f"the index at {self.place} does not work: the store refuses to replace {NAME}, though nobody else did",
            "Use a store that honours If-Match and If-None-Match when an object is put.",
        )


class _Held:
    """A lease that is ours: a thread shows signs of life until it ends."""

    def __init__(self, lease: ObjectLease, client: Any, holder: Holder, tag: str) -> None:
        self._lease, self._client, self._holder, self._tag = lease, client, holder, tag
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name="writer-lease", daemon=True)

    def start(self) -> None:
        """Begin to show signs of life."""
        self._thread.start()

    def confirm(self) -> None:
        """Renew the lease. IndexStoreError if another run has it by now, or nobody can tell."""
        with client_faults_told(self._lease.place):
            self._renew()
        if self._lost:
            raise IndexStoreError(
                "another run took over the index, because this one showed no sign of life for "
                f"{self._lease.place.lease:.0f} s",
                "Nothing of this run was published. Run again.",
            )

    def end(self) -> None:
        """Give it back, if it is still ours."""
        from botocore.exceptions import BotoCoreError, ClientError

        self._ended.set()
        self._thread.join()
        if self._lost:
            return
        try:
            self._lease.put(self._client, None, self._tag)
        except (ClientError, BotoCoreError, IndexStoreError) as error:
            logger.warning("the lease of the index was not given back, and ends by itself: %s", error)

    def _beat(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        while not self._ended.wait(self._lease.place.lease / BEATS):
            try:
                self._renew()
            except (ClientError, BotoCoreError, IndexStoreError) as error:
                logger.warning("the lease of the index could not be renewed: %s", error)
            if self._lost:
                logger.error("another run took over the index; this one will publish nothing")
                return

    def _renew(self) -> None:
        with self._lock:
            if self._lost:
                return
            tag = self._lease.put(self._client, self._holder, self._tag)
            self._lost, self._tag = tag is None, tag or self._tag
