"""What readiness is judged from: counts, findings, moments and answers that a run left behind. No values of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ledger import Finding


@dataclass(frozen=True)
class Rows:
    """What became of the rows of the last check: read = ready + quarantined + filtered + duplicate + failed.

    `failed` counts lines that no row could be made of.
    """

    ready: int
    quarantined: int
    filtered: int
    duplicate: int
    failed: int

    @property
    def read(self) -> int:
        """Rows and lines that the source gave."""
        return self.ready + self.quarantined + self.filtered + self.duplicate + self.failed


@dataclass(frozen=True)
class Asked:
    """One known-item question. `rank` is the place of its record in the answer from 1, None where it did not come.

    `urn` names the record, or is `***` where its key may not be told.
    """

    urn: str
    form: str
    rank: int | None


@dataclass(frozen=True)
class Probe:
    """The questions that were put to the published index. `unknown` says why none could be."""

    asked: tuple[Asked, ...] = ()
    model: str = ""
    unknown: str = ""


NOT_ASKED = Probe(unknown="nothing was asked of the index yet")


@dataclass(frozen=True)
class Evidence:
    """All that is known about one dataset when it is scored; what is None was never measured.

    `rows` is None where none were checked against the contract as it is now. Of the `held` ready rows, which may be of
    an earlier check, `filled` counts those with a value, by field. `gaps_looked` is false where the gap rules
    as they are now were not evaluated. `source_read` is when the source was read last, `published_read` when it was
    read for what is served now.
    """

    now: datetime
    rows: Rows | None = None
    held: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    gaps_looked: bool = False
    source_read: datetime | None = None
    published_read: datetime | None = None
    probe: Probe = NOT_ASKED
