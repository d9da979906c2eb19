"""What can go wrong while a project is read or run, each error saying where, what, and what to do now.

    LandbridgeError
    ├── ProjectError            the declarations are wrong; carries every Problem found, not only the first
    ├── SecretUnresolved        a `${env:NAME}` or `${file:PATH}` reference has no value here
    ├── SourceError             a source system cannot deliver
    │   ├── SourceUnreachable   no connection, no such file
    │   └── SourceUnreadable    it is there, and it is not what the contract says
    ├── ContractBlocked         a dataset-level rule failed; the dataset keeps its last good version
    │   └── ChangeHeld          nothing failed, but the change takes so much that a person has to approve it
    └── Refusal                 what cannot be done, and the remedy
        ├── FileRefused         one file that no rows can be made of; the other files go on
        ├── WriteRefused        nothing was written to a source (its branches: connectors/sql/writing/refusals.py)
        ├── DecisionRefused     a decision about a row in quarantine that makes no sense
        ├── ApprovalRefused     an approval of a change that does not wait, or that needs another word
        ├── IndexStoreError     the index is absent, damaged or of another model
        ├── LedgerError         the ledger's database does not answer, or is of a later version
        └── BadQuery            a question outside the limits

Every error keeps its facts as attributes and survives pickling, because runs cross process boundaries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One fault in a declaration: `file:line: what. remedy`. Lines count from 1; 0 means the whole file."""

    file: str
    line: int
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}" + (f" {self.remedy}" if self.remedy else "")


class LandbridgeError(Exception):
    """Anything Landbridge refuses, in one line a person can act on."""

    def __init__(self, *facts: object) -> None:
        super().__init__(*facts)

    def __str__(self) -> str:
        return " ".join(str(fact) for fact in self.args)


class Refusal(LandbridgeError):
    """What cannot be done, and what to do about it, as two sentences. `what` never holds a secret."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what, self.remedy = what, remedy

    def __str__(self) -> str:
        return f"{self.what.rstrip('.')}. {self.remedy}".strip()


class ProjectError(LandbridgeError):
    """The project folder does not load. `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class SecretUnresolved(LandbridgeError):
    """A secret reference that nothing here answers. The reference is shown, never a value."""

    def __init__(self, reference: str, remedy: str) -> None:
        super().__init__(reference, remedy)
        self.reference, self.remedy = reference, remedy

    def __str__(self) -> str:
        return f"the secret {self.reference} has no value here. {self.remedy}"


class SourceError(LandbridgeError):
    """A source system cannot deliver `dataset`. `detail` never holds a password or a row's value."""

    def __init__(self, source: str, dataset: str, detail: str, remedy: str = "") -> None:
        super().__init__(source, dataset, detail, remedy)
        self.source, self.dataset, self.detail, self.remedy = source, dataset, detail, remedy

    def __str__(self) -> str:
        told = f"source '{self.source}', dataset '{self.dataset}': {self.detail.rstrip('.')}."
        return f"{told} {self.remedy}".strip()


class SourceUnreachable(SourceError):
    """No connection, no such file, no right to read it."""


class SourceUnreadable(SourceError):
    """The source answers, but not with what the contract promises."""


class ContractBlocked(LandbridgeError):
    """A dataset-level rule failed: nothing of this run reaches the index."""

    def __init__(self, dataset: str, rules: Sequence[str], detail: str) -> None:
        super().__init__(dataset, tuple(rules), detail)
        self.dataset, self.rules, self.detail = dataset, tuple(rules), detail

    def __str__(self) -> str:
        return f"dataset '{self.dataset}' is blocked by {', '.join(self.rules)}: {self.detail}"


class ChangeHeld(ContractBlocked):
    """A change that waits for a person: it would take more away than the contract allows."""

    def __str__(self) -> str:
        return f"dataset '{self.dataset}' waits for approval ({', '.join(self.rules)}): {self.detail}"


class FileRefused(Refusal):
    """A file that no rows can be made of, and why. `what` neither names the file nor holds a value of it."""


class IndexStoreError(Refusal):
    """The index cannot serve: absent, damaged, or built by another model."""


class LedgerError(Refusal):
    """The ledger cannot be opened, read or written. `what` never holds a password."""


class BadQuery(Refusal):
    """A question outside the limits: empty, too long, or a limit out of range."""
