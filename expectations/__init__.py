"""Frames into findings: contract checks, quarantine, gaps across systems. All is loaded when first named.

No module here is named like what it exports: importing `expectations.check` would put it in the function's place.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expectations.checking import check as check
    from expectations.reports import GapReport as GapReport
    from expectations.reports import Report as Report
    from expectations.settling import Settled as Settled
    from expectations.settling import settle as settle
    from expectations.surveying import gaps as gaps

_HOMES = {
    "checking": ("check",),
    "reports": ("GapReport", "Report"),
    "settling": ("Settled", "settle"),
    "surveying": ("gaps",),
}
_NAMES = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_NAMES)


def __getattr__(name: str) -> object:
    if name not in _NAMES:
        raise AttributeError(f"module 'expectations' has no attribute '{name}'")
    return getattr(import_module(f"expectations.{_NAMES[name]}"), name)
