"""Find the files of a dataset, inside the folder its source names and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from catalog.errors import SourceUnreachable, SourceUnreadable
from catalog.models import Dataset, Source
from catalog.secrets import resolve


def base_of(source: Source, *, folder: Path) -> Path:
    """The folder (or file) that the source names; relative ones are below the project folder."""
    return (folder / resolve(source.location, folder=folder)).resolve()


def files_of(source: Source, dataset: Dataset, *, folder: Path) -> list[Path]:
    """The dataset's files, sorted: its physical name is a file name or glob below the source's folder.

    Raises SourceUnreachable where nothing matches or cannot be read, SourceUnreadable where a link leads outside.
    """
    base = base_of(source, folder=folder)
    if not base.exists():
        raise SourceUnreachable(
            source.name,
            dataset.name,
            f"'{source.location}' does not exist",
            "Mount or create it, or correct `location`.",
        )
    pattern = dataset.physical_name
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise SourceUnreadable(
            source.name, dataset.name, f"'{pattern}' points outside the source's folder", "Name a file below it."
        )
    try:
        found = [base] if base.is_file() else sorted(path for path in base.glob(pattern) if path.is_file())
    except (ValueError, IndexError):  # pathlib's answers to a pattern that is none
        raise SourceUnreadable(
            source.name, dataset.name, f"'{pattern}' is no file name or pattern", "Correct the contract's physicalName."
        ) from None
    if not found:
        raise SourceUnreachable(
            source.name, dataset.name, f"no file matches '{pattern}' in '{source.location}'",
            "Deliver the export, or correct the contract's physicalName.",
        )  # fmt: skip
    for path in found:
        if not path.resolve().is_relative_to(base):
            raise SourceUnreadable(
                source.name, dataset.name, f"'{path.name}' is a link that leads outside the source's folder",
                "Copy the file instead of linking it.",
            )  # fmt: skip
    return found


def opened(path: Path, source: Source, dataset: Dataset) -> BinaryIO:
    """The file, open for reading bytes."""
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceUnreachable(
            source.name, dataset.name, f"'{path.name}' cannot be read: {error.strerror}", "Check the rights on it."
        ) from error


def promised_columns(dataset: Dataset) -> list[str]:
    """The source's columns that the contract reads, in its order, each once."""
    return list(dict.fromkeys(field.physical_name for field in dataset.fields if field.combine is None))


def common_columns(dataset: Dataset, files: list[list[str]]) -> list[str]:
    """Columns that a set of files holds: a promised one only where every file has it, so that a gap in one shows."""
    promised = set(promised_columns(dataset))
    union = dict.fromkeys(name for names in files for name in names)
    return [name for name in union if name not in promised or all(name in names for names in files)]


def refuse_reserved(names: Iterable[str], source: Source, dataset: Dataset, place: str) -> None:
    """Raise SourceUnreadable where a source's own column has a name that provenance needs."""
    for name in names:
        if name in ("_location", "_position"):
            raise SourceUnreadable(
                source.name, dataset.name, f"{place} has a column '{name}', a name that is taken by provenance",
                "Rename it in the export, or read a view that does.",
            )  # fmt: skip


def location_of(path: Path, *, folder: Path) -> str:
    """How a file is cited: its path below the project folder, or its name where it lies elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def is_personal(dataset: Dataset) -> bool:
    """Whether a line of this dataset may hold personal data, so that rejected lines are not kept as text."""
    return any(field.personal or field.mask for field in dataset.fields)
