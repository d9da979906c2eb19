"""How a segment's text comes apart: the characters that separate, and the one that takes their meaning away."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Separators:
    """The separators of a message, each one character; empty where the syntax has none.

    After `release`, EDIFACT's `?`, a character stands for itself. A value of one piece is decoded; a value of several
    stands as the file spells it, so that it can still be taken apart.
    """

    element: str
    component: str = ""
    subcomponent: str = ""
    repetition: str = ""
    release: str = ""

    def split(self, text: str, separator: str) -> list[str]:
        """The pieces between separators, as they are spelled; one piece where the syntax has no such separator."""
        if not separator or separator not in text:
            return [text]
        if not self.release or self.release not in text:
            return text.split(separator)
        told, start = [], 0
        for found in re.finditer(f"{re.escape(self.release)}.|({re.escape(separator)})", text, re.DOTALL):
            if found.group(1):
                told.append(text[start : found.start()])
                start = found.end()
        return [*told, text[start:]]

    def repetitions(self, element: str) -> list[str]:
        """The repetitions of an element."""
        return self.split(element, self.repetition)

    def components(self, repetition: str) -> list[str]:
        """The components of a repetition."""
        return self.split(repetition, self.component)

    def subcomponents(self, component: str) -> list[str]:
        """The subcomponents of a component."""
        return self.split(component, self.subcomponent)

    def is_plain(self, text: str) -> bool:
        """Whether no separator below the element's stands in the text, be it released or not."""
        return not any(one and one in text for one in (self.repetition, self.component, self.subcomponent))

    def decoded(self, text: str) -> str:
        """A value of one piece as it is meant."""
        if not self.release or self.release not in text:
            return text
        return re.sub(f"{re.escape(self.release)}(.)", r"\1", text, flags=re.DOTALL)
