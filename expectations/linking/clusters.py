"""Records that are the same, as clusters that a person can take apart again: links are followed, never merged."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from expectations.linking.values import Ints


def components(left: Ints, right: Ints, many: int) -> Ints:
    """By record the smallest record that links lead to."""
    lowest = np.arange(many)
    while True:
        before = lowest.copy()
        least = np.minimum(lowest[left], lowest[right])
        for side in (left, right):
            np.minimum.at(lowest, lowest[side], least)
            np.minimum.at(lowest, side, least)
        lowest = lowest[lowest]
        if np.array_equal(before, lowest):
            return lowest


def torn(left: Ints, right: Ints, apart: Iterable[tuple[int, int]], many: int) -> npt.NDArray[np.bool_]:
    """The links, strongest first, that must give way so that no pair of `apart` ends up in one cluster."""
    given_way = np.zeros(len(left), bool)
    lowest = components(left, right, many)
    broken = {int(lowest[one]) for one, other in apart if lowest[one] == lowest[other]}
    if not broken:
        return given_way
    forbidden: dict[int, set[int]] = {}
    for one, other in apart:
        forbidden.setdefault(one, set()).add(other)
        forbidden.setdefault(other, set()).add(one)
    groups: dict[int, set[int]] = {}
    # One link after another, as each depends on what those before it joined; only clusters with such pairs are here.
    for link in np.flatnonzero(np.isin(lowest[left], list(broken))):
        one, other = int(left[link]), int(right[link])
        ours, theirs = groups.setdefault(one, {one}), groups.setdefault(other, {other})
        if ours is theirs:
            continue
        if any(forbidden.get(member, set()) & theirs for member in ours):
            given_way[link] = True
            continue
        ours |= theirs
        groups.update(dict.fromkeys(theirs, ours))
    return given_way
