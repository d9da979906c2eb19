"""Measure what an index of 10,000 files costs beside CocoIndex and LlamaIndex: made, unchanged, changed, thinned out.

    python -m evals.bench_index CRANFIELD [--documents 10000] [--words 22] [--repeat 2] [--threads 1] [--chart FILE]

All embed the same files with the same weights into LanceDB. Ours is the index alone, called as a library with a model
that was prepared before (what that costs is told), and `landbridge run` in a home that holds nothing, with all that it
checks and keeps beside the index. The rivals (`evals/index_rivals`) run in environments of their own, which are made
where they are absent. Each run is a process; CPU seconds are of it and its children, the peak is the most memory of all
of them at once. After each run the table must hold exactly what the files say.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from catalog.home import Home
from evals.bench_databases import spread
from evals.index_chart import drawn, medians_of
from evals.passages import MODEL, STEP, change, passages_of, remove, write_passages, write_project
from evals.process_trees import Cost, spent
from index.sentence_model import model_source

ROOT = Path(__file__).resolve().parent.parent
RIVALS = ROOT / "evals" / "index_rivals"
ALONE, WHOLE = "Landbridge's index alone", "landbridge run"
COLUMNS = ("first", "nothing changed", "1 % changed", "1 % deleted")
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1", "COCOINDEX_DISABLE_USAGE_TRACKING": "1",
    "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": str(ROOT),
}  # fmt: skip


class Way(NamedTuple):
    """How an index is brought to a folder of files, and which texts it then holds."""

    command: Sequence[str]
    texts: Callable[[], list[str]]


Costs = dict[str, dict[str, list[Cost]]]  # by column and way
MEASURES: dict[str, tuple[Callable[[Cost], float], str]] = {
    "CPU, s": (lambda cost: cost.cpu, ".1f"),
    "peak, MiB": (lambda cost: cost.peak, ",.0f"),
    "wall, s": (lambda cost: cost.wall, ".1f"),
}


def main(words: Sequence[str] | None = None) -> int:
    """Print the tables, and draw them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cranfield", type=Path, help="folder of the Cranfield collection")
    parser.add_argument("--documents", type=int, default=10_000, help="files (default 10,000)")
    parser.add_argument("--words", type=int, default=STEP, help=f"words of each (default {STEP})")
    parser.add_argument(
        "--threads", type=int, default=1, help="of torch; 0: as it comes (default 1, which costs least)"
    )
    parser.add_argument("--repeat", type=int, default=2, help="rounds (default 2)")
    parser.add_argument("--chart", type=Path, help="write the CPU seconds as SVG here")
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "index-rivals")
    given = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real stream: rows are seen as they come
    passages = passages_of(given.cranfield, given.documents, long=given.words)
    environment = ENVIRONMENT | ({"OMP_NUM_THREADS": str(given.threads)} if given.threads else {})
    pythons = {name: _python(given.environments, name) for name in ("cocoindex", "llama_index")}
    costs: Costs = {column: {} for column in COLUMNS}
    for turn in range(given.repeat):
        with tempfile.TemporaryDirectory() as place:
            _turn(_Bench(Path(place), passages, pythons, environment), turn, costs)
    _print(
        costs, f"{given.documents:,} documents of {given.words} words, torch threads {given.threads or 'as it comes'}"
    )
    if given.chart:
        given.chart.write_text(drawn(costs), encoding="utf-8")
    return 0


class _Bench(NamedTuple):
    """What one round is made of."""

    place: Path
    passages: list[str]
    pythons: Mapping[str, Path]
    environment: Mapping[str, str]


def _turn(bench: _Bench, turn: int, costs: Costs) -> None:
    """Every column once, the ways one after the other in each, in alternating order."""
    files, few = bench.place / "files", len(bench.passages) // 100
    write_passages(files, bench.passages)
    ways = _ways(bench, files)
    order = list(ways) if turn % 2 == 0 else list(ways)[::-1]
    for column in COLUMNS:
        if column == "1 % changed":
            change(files, few, turn)
        elif column == "1 % deleted":
            remove(files, few)
        expected = sorted(path.read_text(encoding="utf-8").strip() for path in files.glob("*.md"))
        for name in order:
            cost = spent(ways[name].command, cwd=ROOT, environment=bench.environment)
            if sorted(ways[name].texts()) != expected:
                raise RuntimeError(f"{name}, {column}: the table does not hold what the files say")
            costs[column].setdefault(name, []).append(cost)
            print(f"# {column}, {name}: {cost.cpu:.1f} CPU s, {cost.wall:.1f} s, {cost.peak:.0f} MiB", file=sys.stderr)


def _ways(bench: _Bench, files: Path) -> dict[str, Way]:
    import index

    place, models = bench.place, bench.place / "models"
    project = write_project(place / "project", files)
    home, weights = Home.of(project), str(model_source(MODEL))
    prepare = f"import index; from pathlib import Path; index.load_embedder({MODEL!r}, Path({str(models)!r}))"
    prepared = spent([sys.executable, "-c", prepare], cwd=ROOT, environment=bench.environment)
    print(f"# preparing the model: {prepared.cpu:.1f} CPU s, {prepared.peak:.0f} MiB", file=sys.stderr)

    def live(at: object) -> list[str]:
        held = index.Store(at).read(["dataset", "text"], at="live")  # type: ignore[arg-type]
        return held.filter(dataset="passages")["text"].to_list()

    alone = [str(files), str(place / "alone"), str(project)]
    ways = {
        ALONE: Way(
            [sys.executable, str(RIVALS / "with_landbridge.py"), *alone], partial(live, place / "alone" / "lance")
        ),
        WHOLE: Way(
            [sys.executable, "-m", "landbridge", "run", "--json", "--project", str(project)], partial(live, home.index)
        ),
    }
    for name, python in bench.pythons.items():
        state = place / name
        command = [str(python), str(RIVALS / f"with_{name}.py"), str(files), str(state), weights]
        ways[name] = Way(command, partial(_texts, state / "lance"))
    return ways


def _texts(folder: Path) -> list[str]:
    import lancedb

    connect: Any = lancedb.connect
    return [text.strip() for text in connect(folder).open_table("passages").to_arrow()["text"].to_pylist()]


def _python(folder: Path, name: str) -> Path:
    """The interpreter of a rival's own environment, made where it is absent or its pins have changed."""
    pins, place = RIVALS / f"{name}.txt", folder / name
    made = place / "pins.txt"
    if not made.exists() or made.read_text() != pins.read_text():
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)  # noqa: S603 - our own command
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(pins)]
        subprocess.run(pip, check=True)  # noqa: S603 - our own command
        shutil.copyfile(pins, made)
    return place / "bin" / "python"


def _print(costs: Costs, of_what: str) -> None:
    rounds = len(next(iter(costs["first"].values())))
    print(f"{of_what}, n={rounds}, load {os.getloadavg()[0]:.1f}\n")
    for title, (of, form) in MEASURES.items():
        print(f"| {title} | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
        for name in costs["first"]:
            figures = [spread([of(cost) for cost in costs[column][name]], form) for column in COLUMNS]
            print(f"| {name} | {' | '.join(figures)} |")
        print()
    for title in ("CPU, s", "peak, MiB"):
        medians = medians_of(costs, MEASURES[title][0])
        for ours in (ALONE, WHOLE):
            for rival in (name for name in costs["first"] if name not in (ALONE, WHOLE)):
                ratios = ", ".join(f"{medians[column][rival] / medians[column][ours]:.2f}" for column in COLUMNS)
                print(f"{title} of {rival} over {ours}: {ratios}")


if __name__ == "__main__":
    sys.exit(main())
