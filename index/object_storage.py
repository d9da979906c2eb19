"""What an index in an S3-compatible store needs beside the table: how to be let in, and its faults in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from catalog.errors import IndexStoreError
from catalog.index_place import ObjectPlace

if TYPE_CHECKING:
    from botocore.client import BaseClient

CONNECT_SECONDS, ANSWER_SECONDS = 5, 20
TRIES = 3
REGION = "us-east-1"  # what stores that know no regions expect in a signature

# words of the store or of its client, as both libraries repeat them; the first that is found tells
FAULTS = (
    (("NoSuchBucket",), "there is no such bucket", "Make the bucket, or correct LANDBRIDGE_INDEX."),
    (
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"),
        "the store does not know the key, or its secret is another",
        "Correct LANDBRIDGE_INDEX_KEY and LANDBRIDGE_INDEX_SECRET (without them: AWS_ACCESS_KEY_ID and its secret).",
    ),
    (
        ("AccessDenied", "status: 403", "(403)"),
        "the key may not do that",
        "Give it the right to list, read, write and delete objects below that place.",
    ),
    (
        ("NoCredentials", "Unable to locate credentials", "CredentialsNotLoaded", "instance metadata"),
        "no key is known to be let in with",
        "Set LANDBRIDGE_INDEX_KEY and LANDBRIDGE_INDEX_SECRET, or what AWS programs look for.",
    ),
    (
        ("NotImplemented",),
        "the store does not know conditional writes, on which one writer at a time rests",
        "Use a store that honours If-Match and If-None-Match when an object is put.",
    ),
    (
        ("Could not connect", "kind: Connect", "Connection refused", "timed out", "kind: Timeout", "Connection was"),
        "the store does not answer",
        "See that it runs and that LANDBRIDGE_INDEX_ENDPOINT is right. What is served goes on as soon as it answers.",
    ),
)


def fault_of(error: BaseException) -> tuple[str, str] | None:
    """What is wrong with the store, and what to do; None where it is something else, such as a damaged file."""
    told = str(error)
    for words, what, remedy in FAULTS:
        if any(word in told for word in words):
            return what, remedy
    return None


@contextmanager
def client_faults_told(place: ObjectPlace) -> Iterator[None]:
    """What the client of `client_of` raises, as an IndexStoreError that says what to do."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError, ValueError) as error:
        what, remedy = fault_of(error) or (str(error)[:200], "See what the store says of it in its own log.")
        raise IndexStoreError(f"the index at {place} does not work: {what}", remedy) from error


def lance_options(place: ObjectPlace) -> dict[str, str]:
    """The place as Lance's storage options; what is unset Lance looks up where AWS programs do."""
    options = {
        "endpoint": place.endpoint,
        "allow_http": "true" if place.endpoint.startswith("http://") else "",
        "region": place.region or (REGION if place.endpoint else ""),
        "aws_access_key_id": place.key,
        "aws_secret_access_key": place.secret.get_secret_value(),
        "aws_session_token": place.token.get_secret_value(),
    }
    return {name: value for name, value in options.items() if value}


def client_of(place: ObjectPlace) -> BaseClient:
    """A client for single objects. It is safe between threads."""
    from botocore.config import Config
    from botocore.session import get_session

    return get_session().create_client(
        "s3",
        endpoint_url=place.endpoint or None,
        region_name=place.region or (REGION if place.endpoint else None),
        aws_access_key_id=place.key or None,
        aws_secret_access_key=place.secret.get_secret_value() or None,
        aws_session_token=place.token.get_secret_value() or None,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            s3={"addressing_style": "path"} if place.endpoint else {},
        ),
    )


def object_sizes(place: ObjectPlace) -> Iterator[tuple[str, int]]:
    """Name below the place, and bytes, of each object."""
    below = f"{place.prefix}/"
    with client_faults_told(place):
        client: Any = client_of(place)
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=below):
            for found in page.get("Contents", ()):
                yield found["Key"].removeprefix(below), int(found["Size"])
