"""Plant 400 gaps of eleven kinds in a utility's four systems and see which of them are told, and what else is.

    python -m evals.readiness [--seeds 3] [--gaps 400] [--scale 1.0]

The whole estate is delivered and run first, by the stage functions that every run uses; nothing may be told of it. Then
the same estate is delivered with the gaps and run again. A planted gap is found where a finding of its kind names its
key: in the sentences that documents quote (`gaps/known.parquet`), in the evidence where a gap has no row (periods,
numbers, columns, files), or in the rows that were set aside (`quarantine/`, rejected lines). Recall is over planted
gaps. Told are all keys so named, and every finding that belongs to no kind here; precision is over those. A finding
whose count is not the number of keys it names counts as wrongly told once for each that is lacking.
"""

from __future__ import annotations

import argparse
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from evals.estate import Estate, Planted, Question, whole
from evals.estate_project import CONTRACTS, LOSSLESS, deliver, project
from evals.planting import (
    CONFLICT,
    DRIFT,
    ENTITY,
    EXTRACTION,
    KINDS,
    KNOWLEDGE,
    MIXTURE,
    ORPHAN,
    PERIOD,
    SEGMENT,
    STALE_FIELD,
    VOLUME,
    damaged,
)
from ledger import Finding, Interaction, Session, Step
from pipelines import stages
from pipelines.site import Site

OTHER = "of no kind here"
OTHERWISE_COUNTED = ("notes-by-depot", "drift/renamed-columns", "knowledge-gap/")  # rows, pairs of columns, askings
BY_ROW = ("lines-readable", "minutes-readable")  # the lost rows one by one, which `volume-loss` tells together
RULES = {  # the kind of each gap rule, and the dataset whose keys it tells
    "active-customer": (ENTITY, "customers"),
    "site-meter": (ORPHAN, "sites"), "site-meter/backward": (ORPHAN, "meters"),
    "visit-meter": (ORPHAN, "visits"), "invoice-customer": (ORPHAN, "invoices"),
    "account-differs": (CONFLICT, "accounts"), "old-address": (STALE_FIELD, "accounts"),
    "notes-by-depot": (SEGMENT, "visits"), "serial-format": (MIXTURE, "materials"),
    "weight-format": (MIXTURE, "materials"), "length-format": (MIXTURE, "materials"),
    "text-format": (MIXTURE, "materials"), "bought-format": (MIXTURE, "materials"),
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One kind: how many gaps were planted, how many of them found, how many keys told."""

    kind: str
    planted: int
    found: int
    told: int

    @property
    def recall(self) -> float:
        """The share of the planted gaps that were found."""
        return self.found / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        """The share of what was told that was planted."""
        return self.found / self.told if self.told else 1.0


@dataclass(frozen=True)
class Exam:
    """What was told of the whole estate, and of the damaged one by kind."""

    clean: tuple[Planted, ...]
    lines: tuple[Line, ...]
    rows: int

    @property
    def total(self) -> Line:
        """All kinds together."""
        counts = [(one.planted, one.found, one.told) for one in self.lines]
        return Line("all", *(sum(column) for column in zip(*counts, strict=True)))


def examined(folder: Path, seed: int, *, gaps: int, scale: float = 1.0, kinds: Sequence[str] = KINDS) -> Exam:
    """Run both twins of one seed in a project below `folder`."""
    estate = whole(seed, scale=scale)
    project(folder)
    deliver(estate, folder)
    ask(estate.questions, folder)
    clean = told(folder)
    spoilt = damaged(estate, seed, gaps=gaps, kinds=kinds)
    deliver(spoilt, folder)
    ask(spoilt.questions[len(estate.questions) :], folder)
    return Exam(tuple(clean), judged(spoilt, told(folder), kinds), spoilt.rows)


def judged(estate: Estate, seen: Iterable[Planted], kinds: Sequence[str]) -> tuple[Line, ...]:
    """The told keys against the planted ones; a key told twice counts once."""
    seen, planted = set(seen), set(estate.planted)
    there, found, named = (Counter(one.kind for one in some) for some in (planted, planted & seen, seen))
    names = [*kinds, *sorted(set(named) - set(kinds))]
    return tuple(Line(kind, there[kind], found[kind], named[kind]) for kind in names)


def ask(questions: Sequence[Question], folder: Path) -> None:
    """Write the visits into the ledger, as the server does."""
    site = Site.open(folder)
    for number, one in enumerate(questions):
        visit, at = secrets.token_hex(8), site.clock() - timedelta(seconds=len(questions) - number)
        site.ledger.start_session(Session(id=visit, channel="http", principal="local", started_at=at))
        step = Step(id=f"{visit}-1", interaction_id=visit, type="ACTION_STEP", name="retrieval", input=one.text,
                    started_at=at, attributes={"known": one.known, "datasets": []})  # fmt: skip
        site.ledger.record_turn(Interaction(id=visit, session_id=visit, started_at=at), steps=[step])
    site.ledger.close()


def told(folder: Path) -> list[Planted]:
    """Run the stages over what the systems hold now, and gather every key that is told."""
    site = Site.open(folder)
    raw = [stages.pull(site, name, run_id="run") for name in CONTRACTS]
    ready = [stages.make_ready(site, name, run_id="run") for name in CONTRACTS]
    gaps = stages.find_gaps(site, run_id="run")
    looks = [*(one.findings for one in raw), *(one.findings for one in ready), gaps.findings]
    findings = [finding for look in looks for finding in look]
    named = [one for finding in findings for one in _named(finding, site)]
    site.ledger.close()
    return named


def _named(finding: Finding, site: Site) -> Iterator[Planted]:
    """The keys that a finding tells, and one of no kind for each that it counts and does not name."""
    keys = list(dict.fromkeys(_keys(finding, site)))
    yield from keys
    counted = finding.count
    if finding.rule.startswith(OTHERWISE_COUNTED) or (finding.dataset in LOSSLESS and finding.rule in BY_ROW):
        counted = len(keys)
    yield from (Planted(OTHER, finding.dataset, f"{finding.rule} #{number}") for number in range(len(keys), counted))


def _keys(finding: Finding, site: Site) -> Iterable[Planted]:
    name, evidence = finding.dataset, finding.evidence
    if finding.rule.startswith("file-readable/"):
        return [Planted(EXTRACTION, name, Path(key).name) for key in finding.sample_keys]
    if finding.rule.startswith("drift/"):
        renamed = finding.rule == "drift/renamed-columns"  # one column gone and one new
        columns = [one["column"] for one in evidence["changes"]]
        columns += [one["now"].partition(": ")[0] for one in evidence["changes"] if renamed]
        return [Planted(DRIFT, name, column) for column in columns]
    if finding.rule == "lines-readable" and name == "guides":  # a file that gave no text
        return [Planted(EXTRACTION, name, Path(place).name) for place, _ in _rejected(name, site)]
    if finding.rule == "volume-loss":
        held = pl.read_parquet(site.home.quarantine(name), columns=["_key"])["_key"]
        lines = [f"{Path(place).name}:{line}" for place, line in _rejected(name, site)]
        return [Planted(VOLUME, name, key) for key in (*held, *lines)]
    if finding.rule.startswith("knowledge-gap/"):
        return [Planted(KNOWLEDGE, name, evidence["example"])]
    return _of_gap(finding, site) if finding.stage == "gaps" and "status" not in evidence else []


def _rejected(name: str, site: Site) -> list[tuple[str, int]]:
    """Location and number of the lines that could not be read."""
    path = site.home.rejects(name)
    return pl.read_parquet(path, columns=["_location", "_position"]).rows() if path.exists() else []


def _of_gap(finding: Finding, site: Site) -> Iterable[Planted]:
    if finding.rule == "invoice-numbers":
        return [Planted(PERIOD, finding.dataset, key) for key in _numbers(finding)]
    if finding.rule == "depot-days":
        return [Planted(PERIOD, finding.dataset, key) for key in _days(finding)]
    kind, dataset = RULES.get(finding.rule) or RULES.get(finding.rule.partition("/")[0], (OTHER, finding.dataset))
    known = pl.read_parquet(site.home.gaps).filter(rule=finding.rule, dataset=dataset)
    rows = known.filter(scope="row")
    keys = (known if rows.is_empty() else rows)["key"].unique(maintain_order=True)
    return [Planted(kind, dataset, key) for key in keys]


def _numbers(finding: Finding) -> Iterator[str]:
    for one in finding.evidence["ranges"]:
        first, _, last = one["range"].partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield f"{one['group']}|{one['prefix']}{number:0{len(first)}d}"


def _days(finding: Finding) -> Iterator[str]:
    for group in finding.evidence["groups"]:
        for one in group["ranges"]:
            first, last = (date.fromisoformat(one[end]) for end in ("from", "to"))
            for number in range((last - first).days + 1):
                yield f"{group['group']}|{first + timedelta(days=number)}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--gaps", type=int, default=400)
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    for seed in range(given.seeds):
        with TemporaryDirectory() as temporary:
            exam = examined(Path(temporary) / "utility", seed, gaps=given.gaps, scale=given.scale)
        print(f"seed {seed}: {exam.rows:,} rows; told of the whole estate: {len(exam.clean)}")
        print(f"{'kind':<28} {'planted':>8} {'found':>8} {'told':>8} {'precision':>10} {'recall':>8}")
        for one in (*exam.lines, exam.total):
            counts = f"{one.planted:>8} {one.found:>8} {one.told:>8}"
            print(f"{one.kind:<28} {counts} {one.precision:>10.3f} {one.recall:>8.3f}")
        print()


if __name__ == "__main__":
    main()
