"""What lies inside archives, without unpacking them to disk.

Members are reached by their place in the archive and never by their name, so that no name leads anywhere. An archive
whose table of contents lies is refused whole; a member that is a link, a device or encrypted is refused alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from catalog.errors import FileRefused
from connectors.places.content import Content
from connectors.places.limits import PlaceLimits
from connectors.places.members import Member
from connectors.places.tar_archives import BLOCK, tarred
from connectors.places.unpacking import AGAIN
from connectors.places.zip_archives import SIGNATURES, zipped

ARCHIVES = (".zip", ".tar")


def members(archive: Content, limits: PlaceLimits) -> list[Member]:
    """The files of an archive, in their order there. Raises FileRefused where it is none, broken, or too much."""
    with archive.local() as path:
        with path.open("rb") as file:
            head = file.read(BLOCK)
        if head.startswith(SIGNATURES):
            return _once(zipped(archive, path, limits))
        if head[257:262] == b"ustar" or (path.suffix == ".tar" and head):
            return _once(tarred(archive, path, limits))
        if head.startswith((b"7z\xbc\xaf\x27\x1c", b"Rar!")):
            raise FileRefused("it is a 7z or rar archive, which is not read", "Deliver a zip or tar archive.")
        raise FileRefused("it is no zip and no tar archive", AGAIN)


def _once(told: Sequence[Member]) -> list[Member]:
    """The members; those that share a name are refused, for nobody can tell which of them is meant."""
    names = Counter(one.name for one in told)
    doubled = "the archive holds several files of this name"
    return [one if names[one.name] == 1 else Member(one.name, one.size, fault=doubled, remedy=AGAIN) for one in told]
