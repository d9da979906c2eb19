"""Say of a regular expression, before anything runs, whether the engines that judge rows can run it.

Rules are judged by DuckDB (RE2) and Polars (the Rust crate regex). Both match in time linear in the text, whatever the
pattern; the price is that neither looks ahead or behind, nor refers back to what a group held.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog.names import regex_fault

MOST_REPEATS = 1000  # of one repetition, and of repetitions within each other, in RE2
_TOKEN = re.compile(
    r"(?P<escape>\\(?:[pPx]\{[^}]*\}|.))|(?P<set>\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\])"
    r"|(?P<group>\((?:\?(?:P?<\w+>|P=\w+\)|P>|<[=!]|[=!>(#]|[A-Za-z-]+[:)]|:)?)?)|(?P<close>\))"
    r"|(?P<repeat>(?:[*+?]|\{\d*,?\d*\})[+?]?)|(?P<other>.)",
    re.DOTALL,
)


@dataclass(frozen=True)
class PatternFault:
    """What is wrong with a pattern, to be put behind it, and what to do."""

    what: str
    remedy: str


_AHEAD = PatternFault(
    "looks ahead or behind, which the engines here do not",
    "Split it: one rule for what must match, one with 'expect_column_values_to_not_match_regex' for what must not.",
)
_BACK = PatternFault(
    "refers back to a group, which the engines here do not", "Write what may stand there, or use an SQL rule."
)
_ATOMIC = PatternFault("is possessive or atomic, which the engines here do not know", "Use a plain repetition.")
_FLAGS = re.compile(r"\(\?[A-Za-z-]+[:)]")
_IN_SET = re.compile(r"(?<!\\)(?:&&|--|~~|\[(?!:\w+:\]))|\\b")


def engine_fault(pattern: str) -> PatternFault | None:
    """None where the engines can run `pattern`, else what is wrong and what to do."""
    fault = regex_fault(pattern)
    if fault:
        return PatternFault(f"is no regular expression: {fault}", "Escape what stands for itself.")
    return _unknown(pattern) or _too_often(pattern)


def _unknown(pattern: str) -> PatternFault | None:
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        match token.lastgroup:
            case "group" if text.startswith(("(?=", "(?!", "(?<=", "(?<!")):
                return _AHEAD
            case "group" if text.startswith(("(?P=", "(?P>", "(?(")):
                return _BACK
            case "group" if text == "(?>":
                return _ATOMIC
            case "group" if text == "(?#" or (_FLAGS.fullmatch(text) and set(text) & set("aLux")):
                return _held(text, "Write it without.")
            case "escape" if text[1] in "123456789":
                return _BACK
            case "escape" if text[1] in "0ZuUN<>" or not text[1].isascii():
                return _held(text, "Write '$'." if text[1] == "Z" else "Write the character itself.")
            case "set" if found := _IN_SET.search(text[1:-1]):
                return _held(found[0], "Put a backslash before a bracket or a sign that is meant as itself.")
            case "repeat" if len(text) > 1 and text[-1] == "+":
                return _ATOMIC
    return None


def _held(text: str, remedy: str) -> PatternFault:
    return PatternFault(f"holds '{text}', which the engines here do not know or read differently", remedy)


def _too_often(pattern: str) -> PatternFault | None:
    """Repetitions that are unrolled: those within each other count as their product."""
    inner, last = [1], 1
    for token in _TOKEN.finditer(pattern):
        match token.lastgroup:
            case "group":
                inner.append(1)
                last = 1
                continue
            case "close" if len(inner) > 1:
                last = inner.pop()
            case "repeat":
                last *= _times(token[0])
            case _:
                last = 1
        inner[-1] = max(inner[-1], last)
        if last > MOST_REPEATS:
            return PatternFault(f"repeats something more than {MOST_REPEATS:,} times", "Use a rule about the length.")
    return None


def _times(repeat: str) -> int:
    """How often a repetition is written out."""
    return max((int(number) for number in re.findall(r"\d+", repeat)), default=1)
