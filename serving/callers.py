"""Who is calling: a principal of the policy, known by an API key that is kept only as its SHA-256.

Without a key a caller is the policy's `anonymous`; with a key nobody has, or a malformed one, nobody at all.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from catalog.errors import Problem, ProjectError, SecretUnresolved
from catalog.models import Principal, Project
from catalog.secrets import resolve

Headers = Sequence[tuple[bytes, bytes]]  # as ASGI gives them: names in lower case


class Callers:
    """The callers of a project by the digests of their keys."""

    def __init__(self, anonymous: Principal, by_digest: Sequence[tuple[bytes, Principal]]) -> None:
        self.anonymous = anonymous
        self._by_digest = tuple(by_digest)

    @classmethod
    def of(cls, project: Project) -> Callers:
        """Resolve the keys of the policy, once.

        SecretUnresolved for a key that is not here or empty; ProjectError where two principals share one.
        """
        held: dict[bytes, Principal] = {}
        for principal in project.policy.principals:
            if not principal.key:  # nobody can call as this principal
                continue
            key = resolve(principal.key, folder=project.folder).strip()
            if not key:
                raise SecretUnresolved(principal.key, f"The key of {principal.name} is empty.")
            other = held.setdefault(_digest(key.encode()), principal)
            if other is not principal:
                what = f"the principals '{other.name}' and '{principal.name}' have the same API key."
                raise ProjectError([Problem("policies", 0, what, "Give each caller a key of its own.")])
        return cls(project.policy.anonymous, list(held.items()))

    def identify(self, headers: Headers) -> Principal | None:
        """The principal of a request; None where it shows a key that is nobody's."""
        shown = [_shown(name, value) for name, value in headers if name in (b"authorization", b"x-api-key")]
        if not shown:
            return self.anonymous
        if len(set(shown)) > 1 or not shown[0]:
            return None
        digest = _digest(shown[0])
        found = None
        for known, principal in self._by_digest:  # all are compared, so that time tells nothing about which
            if hmac.compare_digest(known, digest):
                found = principal
        return found


def _shown(name: bytes, value: bytes) -> bytes:
    """The key in a header; empty where it is malformed."""
    if name == b"x-api-key":
        return value.strip()
    scheme, _, key = value.strip().partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
