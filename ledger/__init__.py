"""What happened: accounting, findings, and the trace of every visit, appended to one database and never rewritten.

`Ledger` is the door; the values it takes and gives are in `ledger.models`. SQLAlchemy comes with the first `Ledger`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ledger.models import Account, Finding, FindingState, Interaction, Message, Session, State, Step, Trace

if TYPE_CHECKING:
    from ledger.store import Ledger as Ledger

__all__ = [
    "Account", "Finding", "FindingState", "Interaction", "Ledger", "Message", "Session", "State", "Step", "Trace",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name != "Ledger":
        raise AttributeError(f"module 'ledger' has no attribute '{name}'")
    return import_module("ledger.store").Ledger
