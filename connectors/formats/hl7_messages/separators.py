"""HL7's separators: told by each header, escaped by sequences between two escape characters, a `T` for `&`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.formats.edifact.separators import Separators

HEADER = re.compile(r"(?:MSH|FHS|BHS)(?P<field>[^\w\s\"'])(?P<others>[^\w\s]{1,5}?)(?:(?P=field)|$)")
ESCAPED = {"F": "element", "S": "component", "T": "subcomponent", "R": "repetition", "E": "escape"}
HEXADECIMAL = re.compile(r"X(?:[2-7][0-9A-Fa-f]|0[9AaDd])+")  # of ASCII text; other bytes need a character set


@dataclass(frozen=True)
class Hl7Separators(Separators):
    """The characters of MSH-1 and MSH-2; those that a short MSH-2 leaves out are empty."""

    escape: str = ""

    def decoded(self, text: str) -> str:
        r"""The value with separators, `\.br\` and hexadecimal ASCII as they are meant; other sequences stay."""
        if not self.escape or self.escape not in text:
            return text
        mark = re.escape(self.escape)
        return re.sub(f"{mark}([^{mark}\r\n]*){mark}", self._meaning, text)

    def escaped(self, text: str) -> str:
        """The text with separators as escape sequences, as a value holds them."""
        sequences = {getattr(self, name): f"{self.escape}{code}{self.escape}" for code, name in ESCAPED.items()}
        return "".join(sequences.get(one, one) for one in text) if self.escape else text

    def _meaning(self, found: re.Match[str]) -> str:
        sequence = found.group(1)
        if sequence in ESCAPED:
            return str(getattr(self, ESCAPED[sequence]))
        if sequence == ".br":
            return "\n"
        if HEXADECIMAL.fullmatch(sequence):
            return bytes.fromhex(sequence[1:]).decode("ascii")
        return found.group(0)


def separators_of(header: str) -> Hl7Separators | None:
    """What a header segment says; None where it says nothing that can be."""
    found = HEADER.match(header)
    if found is None:
        return None
    component, repetition, escape, subcomponent = tuple((found["others"] + "    ")[:4])
    used = [one for one in (found["field"], component, repetition, escape, subcomponent) if one != " "]
    if len(set(used)) < len(used):
        return None
    return Hl7Separators(found["field"], component, subcomponent.strip(), repetition.strip(), escape=escape.strip())
