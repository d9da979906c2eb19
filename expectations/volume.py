"""Tell rows that are lost on their way: more than a dataset allows, more than is usual, or without a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from catalog.models import Dataset
from expectations.wording import listed
from ledger import Account, Finding
from ledger.models import Severity

RULE = "volume-loss"
RUNS = 10  # over which is told what is usual
FEWEST = 3  # runs without which nothing is usual yet
NOISE = 1e-9  # so that 5 rows of 100 are within 5 percent
Part = Literal["quarantined", "filtered", "duplicate", "failed"]
PARTS: tuple[Part, ...] = ("quarantined", "filtered", "duplicate", "failed")
_WORDS = {"quarantined": "in quarantine", "filtered": "filtered out", "duplicate": "duplicates", "failed": "unreadable"}


@dataclass(frozen=True)
class Volume:
    """The rows of a dataset as its sources gave them, and what became of them on the way to ready rows."""

    read: int
    ready: int
    quarantined: int
    filtered: int
    duplicate: int
    failed: int

    @property
    def unexplained(self) -> int:
        """Rows that were read and are nowhere; below zero where there are more rows than were read."""
        return self.read - self.ready - self.quarantined - self.filtered - self.duplicate - self.failed


@dataclass(frozen=True)
class _Loss:
    part: Part
    rows: int
    share: float
    allowed: float
    because: Literal["declared", "usual"]
    beyond: int  # rows


def volume_loss(dataset: Dataset, volume: Volume, history: Sequence[Account], *, taken: bool = True) -> Finding | None:
    """The finding `volume-loss` of a dataset, or None where nothing is lost beyond what is allowed.

    `history` holds accounts of earlier runs, the newest first. Rows that were not `taken`, because the delivery was
    refused as a whole, are not lost: the ones before stay.
    """
    losses = [loss for part in PARTS if (loss := _loss(part, dataset, volume, history))] if taken else []
    if not losses and not volume.unexplained:
        return None
    severity: Severity = "critical" if volume.unexplained else "warning"
    return Finding(
        rule=RULE, dataset=dataset.name, stage="gaps", severity=severity,
        count=abs(volume.unexplained) + sum(loss.beyond for loss in losses),
        message=_message(volume, losses), evidence=_evidence(volume, losses, history), owner=dataset.owner,
        remedy="Look at the rows in quarantine and at the scope of the contract; if so many are to be lost, "
        f"say so under 'landbridge.volume' in {dataset.place.file}.",
    )  # fmt: skip


def _loss(part: Part, dataset: Dataset, volume: Volume, history: Sequence[Account]) -> _Loss | None:
    if not volume.read:
        return None
    rows: int = getattr(volume, part)
    share, declared = rows / volume.read, getattr(dataset.volume, part)
    if declared is not None:
        allowed, bound = declared, declared
    elif (usual := _usual(part, history)) is not None:
        allowed, bound = usual, usual + dataset.volume.jump
    else:
        return None
    if share <= bound + NOISE:
        return None
    beyond = max(rows - round(allowed * volume.read), 1)
    return _Loss(part, rows, share, allowed, "usual" if declared is None else "declared", beyond)


def _usual(part: Part, history: Sequence[Account]) -> float | None:
    """The median share of a part over the last runs; None where there are too few."""
    shares = [getattr(account, part) / account.read for account in history[:RUNS] if account.read]
    return median(shares) if len(shares) >= FEWEST else None


def _message(volume: Volume, losses: Sequence[_Loss]) -> str:
    told = []
    if volume.unexplained > 0:
        told.append(f"{volume.unexplained:,} are neither ready nor set aside")
    if volume.unexplained < 0:
        told.append(f"{-volume.unexplained:,} more came out than went in")
    for loss in losses:
        against = "allowed are" if loss.because == "declared" else "usual are"
        told.append(f"{loss.rows:,} are {_WORDS[loss.part]} ({loss.share:.1%}; {against} {loss.allowed:.1%})")
    return f"Of {volume.read:,} rows read {listed(told)}."


def _shares(loss: _Loss) -> dict[str, float]:
    return {"share": round(loss.share, 6), str(loss.because): round(loss.allowed, 6), "beyond": loss.beyond}


def _evidence(volume: Volume, losses: Sequence[_Loss], history: Sequence[Account]) -> dict[str, Any]:
    layers: dict[str, int] = {"read": volume.read, "ready": volume.ready}
    layers |= {part: getattr(volume, part) for part in PARTS}
    parts = {loss.part: _shares(loss) for loss in losses}
    return {"layers": layers, "unexplained": volume.unexplained, "lost": parts, "runs": len(history[:RUNS])}
