"""Which hosts files may be fetched from, so that no location, redirect or name server leads to a host that may not.

Allowed is what LANDBRIDGE_ALLOWED_HOSTS lists; where it lists nothing, the host that the source itself names. Addresses
that clouds give out credentials at are never asked.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from catalog.errors import FileRefused
from catalog.settings import load_settings

DEFAULT_PORTS = {"http": 80, "https": 443, "sftp": 22}
METADATA = frozenset(
    {"fd00:ec2::254", "100.100.100.200", "168.63.129.16"}
)  # beside the link-local ones: AWS, Alibaba, Azure
ENVIRONMENT = "LANDBRIDGE_ALLOWED_HOSTS"


class HostRefused(FileRefused):
    """A host that may not be asked."""


@dataclass(frozen=True)
class HostRule:
    """The hosts that one source may ask. `named` is the one that it names, with its port."""

    named: tuple[str, int]
    secure: bool = False
    allowed: tuple[str, ...] = ()

    @classmethod
    def naming(cls, scheme: str, host: str, port: int | None) -> HostRule:
        """The rule for a source whose location names this host. Raises HostRefused where that may not be asked."""
        rule = cls((host.lower(), port or DEFAULT_PORTS[scheme]), scheme == "https", load_settings().allowed_hosts)
        rule.refuse(scheme, host, port)
        return rule

    def refuse(self, scheme: str, host: str, port: int | None = None) -> None:
        """Raise HostRefused where a host may not be asked, by its name or the address that it is written as."""
        host = host.lower().strip("[]").rstrip(".")
        refuse_address(host)
        if self.secure and scheme == "http":
            raise HostRefused(f"it leads from https to http, at '{host}'", "Name an address that stays with https.")
        if self.allowed:
            if not any(_covers(pattern, host) for pattern in self.allowed):
                raise HostRefused(f"the host '{host}' is not in {ENVIRONMENT}", "Add it there if it may be asked.")
        elif host != self.named[0].strip("[]") or not self._same_port(scheme, port):
            raise HostRefused(
                f"it leads to another host, '{host}'", f"List the hosts that may be asked in {ENVIRONMENT}."
            )

    def refuse_resolved(self, host: str, port: int) -> None:
        """Raise HostRefused where a name server leads to an address that is never asked."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return  # nothing is found there; connecting tells
        for *_, address in found:
            refuse_address(str(address[0]))

    def _same_port(self, scheme: str, port: int | None) -> bool:
        now = port or DEFAULT_PORTS.get(scheme, 0)
        return now == self.named[1] or (self.named[1] == DEFAULT_PORTS["http"] and now == DEFAULT_PORTS["https"])


def refuse_address(text: str) -> None:
    """Raise HostRefused for an address that is never asked; a name is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_link_local or address.is_multicast or address.is_unspecified or str(address) in METADATA:
        raise HostRefused(f"the address {address} is never asked", "Name the host that holds the files.")


def _covers(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
