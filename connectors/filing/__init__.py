"""Files as a connector: any format of `connectors.formats`, from any place of `connectors.places`.

A file is known by its content. One that did not change is not parsed again, whatever it is called now; one that cannot
be read is told with its reason, and the others go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from catalog.errors import FileRefused
from catalog.models import FILE_KINDS, Dataset, Source
from connectors.batch import Batch, Since
from connectors.files import common_columns
from connectors.filing.asking import option_faults
from connectors.filing.beside import content_of, located
from connectors.filing.facts import Facts, facts_of
from connectors.filing.finding import found_of
from connectors.filing.reading import Reading, version_of
from connectors.filing.remembering import remembered
from connectors.filing.telling import unreadable
from connectors.shapes import key_columns

__all__ = ["Filed"]


class Filed:
    """The connector of one kind of files; see `connectors.protocol` for its functions."""

    INCREMENTAL = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def read(self, source: Source, dataset: Dataset, *, folder: Path, since: Since | None = None) -> Iterator[Batch]:
        """All rows, or with `since` those of files whose content is new.

        Columns are those of all files; a value that stands in a nested column is named by its path. Raises
        SourceUnreadable where not one file can be read.
        """
        return Reading(located(source, dataset, folder), dataset, folder, since).batches()

    def columns(
        self, source: Source, dataset: Dataset, *, folder: Path, known: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        """Columns with their declared types: a promised one only where every file has it, a new one where any has it.

        `known` is the cursor of the last read, which spares a look into files that it knows.
        """
        read = self._facts(located(source, dataset, folder), dataset, folder, known or {})
        names = common_columns(dataset, [list(facts.declared) for facts in read])
        declared = {name: told for facts in reversed(read) for name, told in facts.declared.items()}
        return {name: declared[name] for name in names}

    def files_of(self, source: Source, dataset: Dataset, *, folder: Path) -> list[Path]:
        """The dataset's files on this machine; none where it lies elsewhere."""
        from connectors.places.finding import lying
        from connectors.places.local import LocalPlace

        found = lying(source, dataset, folder=folder)
        return [one.place.root / one.entry.path for one in found if isinstance(one.place, LocalPlace)]

    def mark(self, source: Source, dataset: Dataset, *, folder: Path) -> str | None:
        """SHA-256 over the names, times and contents of the files; None where one is still being written."""
        found = found_of(source, dataset, folder)
        if found.unready:
            return None
        digest = hashlib.sha256(content_of(located(source, dataset, folder)).encode())
        for one in found.ready:
            try:
                content = version_of(one) or one.fingerprint()
            except FileRefused as error:
                content = f"refused: {error.what}"
            written = one.modified.isoformat() if one.modified else ""
            digest.update(f"{one.name}\x1f{written}\x1f{content}\x1e".encode(errors="replace"))
        return digest.hexdigest()

    def option_faults(self, source: Source, dataset: Dataset) -> list[str]:
        """What is wrong with the source's options, a sentence each."""
        return option_faults(source, dataset)

    def _facts(self, source: Source, dataset: Dataset, folder: Path, known: Mapping[str, Any]) -> list[Facts]:
        """What is known of the files that can be read; raises SourceUnreadable where none can."""
        held = remembered(source, dataset, known)
        told: list[Facts] = []
        refused: list[tuple[str, FileRefused]] = []
        for one in found_of(source, dataset, folder).ready:
            try:
                facts = held.get((one.name, version_of(one))) or held.get(one.fingerprint())
                if isinstance(facts, FileRefused):
                    raise facts
                told.append(facts or facts_of(one, source, dataset))
            except FileRefused as error:
                refused.append((one.name, error))
        if not told and refused:
            raise unreadable(*refused[0], source, dataset, len(refused))
        keys = set(key_columns(dataset))
        keyed = [facts for facts in told if keys <= set(facts.declared)]
        return keyed or told  # a file without the key is left out by `read`, where another has it


def __getattr__(kind: str) -> Filed:
    """The connector of a kind by its name, as entry points ask for it."""
    if kind not in FILE_KINDS:
        raise AttributeError(f"module {__name__!r} has no attribute {kind!r}")
    return Filed(kind)
