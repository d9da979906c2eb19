"""Damage files as the world does: cut, overwritten with NULs, with flipped bytes, with a spoiled beginning.

The same damage every time for the same files.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

EACH = 4  # files of a folder and ending
LARGEST = 400_000  # bytes
FLIPS = 3  # copies with other bytes flipped
BEGINNING = 64  # bytes of a signature and what follows it


def damaged(root: Path, target: Path, *, seed: int = 7) -> int:
    """Write damaged copies of some files of each folder and ending below `root`; how many."""
    draw = random.Random(seed)  # noqa: S311 - nothing is guarded by it
    kinds: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.stat().st_size <= LARGEST:
            kinds[path.relative_to(root).parts[0], path.suffix].append(path)
    count = 0
    for (folder, _), paths in kinds.items():
        for path in draw.sample(paths, min(EACH, len(paths))):
            for how, content in _damages(path.read_bytes(), draw):
                copy = target / folder / how / path.name
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)
                count += 1
    return count


def _damages(whole: bytes, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    if len(whole) < 2:
        return
    size = len(whole)
    yield "cut in half", whole[: size // 2]
    yield "cut at the end", whole[: -max(1, size // 20)]
    hole = min(500, size // 3)
    yield "a hole of NULs", whole[: size // 3] + bytes(hole) + whole[size // 3 + hole :]
    for at in range(FLIPS):
        yield f"flipped {at + 1}", _flipped(whole, [draw.randrange(size) for _ in range(max(3, size // 2_000))], draw)
    begin = [at for at in range(min(BEGINNING, size)) if draw.random() < 0.2]
    yield "another beginning", _flipped(whole, begin, draw)


def _flipped(whole: bytes, places: list[int], draw: random.Random) -> bytes:
    told = bytearray(whole)
    for at in places:
        told[at] = draw.randrange(256)
    return bytes(told)
