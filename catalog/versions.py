"""Order the versions of a contract, and tell whether a step between two of them may break those who read it.

Versions are semantic (https://semver.org, 2.0.0): major.minor.patch, then a pre-release, then a build that orders
nothing. What is no such version has no order: it is the same text, or another one.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

Step: TypeAlias = Literal["same", "lower", "higher", "breaking", "unordered"]

_NUMBER = "0|[1-9][0-9]*"
_PART = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<early>{_PART}(?:\.{_PART})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


class Version(NamedTuple):
    """A semantic version that compares by precedence; `released` is false for a pre-release, whose parts follow."""

    major: int
    minor: int
    patch: int
    released: bool = True
    early: tuple[tuple[int, int, str], ...] = ()

    @property
    def line(self) -> tuple[int, int]:
        """What stays the same while nothing breaks: the major version, and the minor one while the major is 0."""
        return (self.major, self.minor if self.major == 0 else 0)


def version_of(text: str) -> Version | None:
    """The semantic version that `text` is, or None."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    early = tuple(_early(part) for part in match["early"].split(".")) if match["early"] else ()
    return Version(int(match["major"]), int(match["minor"]), int(match["patch"]), not early, early)


def step(before: str, after: str) -> Step:
    """How the version moved; `breaking` may carry a breaking change, and `unordered` nobody can judge.

    A pre-release of a new line, such as 2.0.0-rc.1, promises nothing yet: every higher version may break it.
    """
    first, then = version_of(before), version_of(after)
    if first is None or then is None:
        return "same" if before == after else "unordered"
    if then <= first:
        return "same" if then == first else "lower"
    unsettled = not first.released and first.patch == 0 and (first.minor == 0 or first.major == 0)
    return "breaking" if unsettled or then.line > first.line else "higher"


def next_line(text: str) -> str:
    """The lowest version that may break those who read `text`; a text that is no version gives none."""
    version = version_of(text)
    if version is None:
        return ""
    return f"{version.major + 1}.0.0" if version.major else f"0.{version.minor + 1}.0"


def _early(part: str) -> tuple[int, int, str]:
    """A part of a pre-release: numbers come before words, and count as numbers."""
    return (0, int(part), "") if part.isdecimal() else (1, 0, part)
