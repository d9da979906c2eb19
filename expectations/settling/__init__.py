"""Several systems say different things of the same entity: which of them is to be believed, and why.

`settle` is a pure function of claims; what loses is kept beside what wins.
"""

from __future__ import annotations

from expectations.settling.deciding import settle
from expectations.settling.settled import Settled

__all__ = ["Settled", "settle"]
