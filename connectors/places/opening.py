"""Open the place that a source's location names: a path, or a URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from catalog.errors import SourceUnreadable
from catalog.models import Dataset, Source
from catalog.secrets import resolve
from connectors.places.local import LocalPlace
from connectors.places.place import Place

REMOTE = ("s3", "sftp", "http", "https")


def place_of(source: Source, dataset: Dataset, *, folder: Path) -> Place:
    """The place; nothing is asked of it yet. Raises SourceUnreadable where there is none of this kind.

    Raises SourceUnreachable where a host may not be asked, SecretUnresolved where a secret has no value here.
    """
    location = resolve(source.location, folder=folder)
    scheme = location.partition("://")[0].lower() if "://" in location else ""
    if scheme in REMOTE:
        from connectors.places.remote import remote_place

        return remote_place(location, source, dataset, folder=folder)
    if scheme not in ("", "file"):
        raise SourceUnreadable(
            source.name, dataset.name, f"files are not read from {scheme}://",
            f"Name a folder, or a URL that begins with one of {', '.join(REMOTE)}, file.",
        )  # fmt: skip
    root = folder / (location if not scheme else _path_of(location, source, dataset))
    return LocalPlace(root.resolve(), folder.resolve())


def _path_of(location: str, source: Source, dataset: Dataset) -> str:
    url = urlsplit(location)
    if url.netloc not in ("", "localhost"):
        raise SourceUnreadable(
            source.name, dataset.name, "a file:// URL names another machine", "Write file:///path, or sftp://host/path."
        )
    return unquote(url.path)
