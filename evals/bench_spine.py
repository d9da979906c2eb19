"""Time the main job on the full airline example, the run without change, and the embedding beside its rival.

`python -m evals.bench_spine [--repeat N]`. Each run is a process of its own; wall and CPU seconds and the peak resident
memory are the operating system's. Quote the medians, and the ratio to the rival of the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "airline"
TEXTS = 500  # texts of the example that both embedders read


class Cost(NamedTuple):
    """What one process took: wall and CPU in seconds, peak in MiB."""

    wall: float
    cpu: float
    peak: float


def main(words: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kind (default 3)")
    given = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real stream: rows are seen as they come
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "airline"
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("systems", ".landbridge"))
        subprocess.run([sys.executable, str(folder / "seed.py")], check=True)  # noqa: S603 - our own script
        first, again = [], []
        for _ in range(given.repeat):
            shutil.rmtree(folder / ".landbridge", ignore_errors=True)
            first.append(_run(folder))
            again.append(_run(folder))
        _row("first run, model export included", first)
        _row("second run, nothing changed", again)
        _embedding(folder, given.repeat)
    return 0


def _run(folder: Path) -> Cost:
    """One `landbridge run` in its own process; a red run is an error, not a figure."""
    command = [sys.executable, "-m", "landbridge", "run", "--json", "--project", str(folder)]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LANDBRIDGE_", "DAGSTER_"))
    }
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as one:  # noqa: S603 - our own command
        assert one.stdout is not None  # noqa: S101 - it was asked for
        told = one.stdout.read()
        _, status, usage = os.wait4(one.pid, 0)
        one.returncode = os.waitstatus_to_exitcode(status)
    if one.returncode:
        raise RuntimeError(f"the run failed: {json.loads(told)['failures']}")
    return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _row(name: str, costs: Sequence[Cost]) -> None:
    for unit, values in (
        ("s wall", [cost.wall for cost in costs]),
        ("s CPU", [cost.cpu for cost in costs]),
        ("MiB peak", [cost.peak for cost in costs]),
    ):
        middle = statistics.median(values)
        print(f"{name:<36} {middle:>9.1f} {unit:<9} ({min(values):.1f} to {max(values):.1f}, n={len(values)})")


def _embedding(folder: Path, repeat: int) -> None:
    """CPU seconds for the same texts: our runtime, and sentence-transformers as everybody calls it."""
    from sentence_transformers import SentenceTransformer

    import index
    from catalog.home import Home
    from index.sentence_model import model_source

    home, model = Home.of(folder), "all-MiniLM-L6-v2"
    frame = index.Store(home.index).read(["search_text"], at="live")
    texts = frame["search_text"].sort()[:: max(1, frame.height // TEXTS)].to_list()[:TEXTS]
    ours = index.load_embedder(model, home.models)
    rival = SentenceTransformer(str(model_source(model)), device="cpu")
    print(f"embedding {len(texts)} texts of the example, {sum(map(len, texts)) // len(texts)} characters in the mean:")
    pairs = [
        (_cpu(lambda: ours.embed(texts)), _cpu(lambda: rival.encode(texts, normalize_embeddings=True)))
        for _ in range(repeat)
    ]
    same = (ours.embed(texts) * rival.encode(texts, normalize_embeddings=True)).sum(axis=1)
    runtime = f"{getattr(ours, 'runtime', '')} {getattr(ours, 'precision', '')}".strip() or type(ours).__name__
    for name, values in ((runtime, [a for a, _ in pairs]), ("sentence-transformers", [b for _, b in pairs])):
        print(f"  {name:<34} {len(texts) / statistics.median(values):>9.1f} texts per CPU second")
    ratios = [b / a for a, b in pairs]
    spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
    print(f"  ratio {statistics.median(ratios):.1f} ({spread}), lowest cosine {same.min():.6f}")


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    sys.exit(main())
