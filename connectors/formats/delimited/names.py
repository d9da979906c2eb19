"""Column names from the lines of a header: joined where it has several, made where it has none, each one once."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.formats.slices import refuse_reserved
from connectors.formats.tables import Noticed


def column_names(header: Sequence[Sequence[str]], width: int) -> tuple[list[str], list[Noticed]]:
    """A name for each of `width` columns, and what had to be made up. Raises FileRefused for a reserved name."""
    names = [" ".join(parts) for parts in _parts(header, width)]
    unnamed = [at for at, name in enumerate(names) if not name]
    for at in unnamed:
        names[at] = f"column_{at + 1}"
    unique = _unique(names)
    repeated = sum(before != after for before, after in zip(names, unique, strict=True))
    refuse_reserved(unique)
    return unique, _noticed(len(unnamed) if header else 0, repeated)


def _noticed(unnamed: int, repeated: int) -> list[Noticed]:
    told = []
    if unnamed:
        message = "the header leaves columns without a name: they are called column_N by their place"
        remedy = "Ask for a header that names them."
        told.append(Noticed("column-unnamed", message, count=unnamed, unit="columns", remedy=remedy))
    if repeated:
        message = "the header names columns twice: the later ones got a number"
        remedy = "Ask for a header that names each column once."
        told.append(Noticed("column-repeated", message, count=repeated, unit="columns", remedy=remedy))
    return told


def _parts(header: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Of each column its names from the top line to the last, a name that spans several given to each of them."""
    lines = [[" ".join(cell.split()) if len(header) > 1 else cell.strip() for cell in line] for line in header]
    lines = [[*line, *[""] * (width - len(line))][:width] for line in lines]
    spread = [_spread(line, lines[at + 1 :]) for at, line in enumerate(lines)]
    told: list[list[str]] = [[] for _ in range(width)]
    for line in spread:
        for parts, name in zip(told, line, strict=True):
            if name and name not in parts[-1:]:
                parts.append(name)
    return told


def _spread(line: Sequence[str], below: Sequence[Sequence[str]]) -> list[str]:
    """A name is carried to the right over empty cells, as far as the lines below go on naming columns."""
    if not below:
        return list(line)
    told: list[str] = []
    carried = ""
    for at, name in enumerate(line):
        named_below = any(lower[at] for lower in below)
        carried = name if name and named_below else (carried if named_below and not name else "")
        told.append(name or carried)
    return told


def _unique(names: Sequence[str]) -> list[str]:
    """Each name once: the second `a` is `a_2`, unless another column has that name."""
    taken = set(names)
    seen: set[str] = set()
    told = []
    for name in names:
        free, number = name, 2
        while free in seen or (free != name and free in taken):
            free, number = f"{name}_{number}", number + 1
        seen.add(free)
        told.append(free)
    return told
