"""Write YAML as a person would: short lines, no needless quotes, and a comment where something was guessed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

WIDTH = 118
_IN_FLOW = re.compile(r"[A-Za-z_][A-Za-z0-9 _./()%+$'°§&-]*(?<! )")
_IN_BLOCK = re.compile(r"[A-Za-z_$](?:[A-Za-z0-9 _./()%+$'°§&,;{}|?=~@-]|:(?=[^ ]))*(?<! )")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"}
_UNPRINTABLE = re.compile(
    "[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufdff\ufe00-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def scalar(value: object, *, block: bool = True) -> str:
    """One value on one line, quoted only where YAML would read it otherwise; `block`: not inside brackets."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    plain = (_IN_BLOCK if block else _IN_FLOW).fullmatch(text) or (block and _counted(text))
    if plain and text.lower() not in _WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + _UNPRINTABLE.sub(lambda found: f"\\U{ord(found.group()):08x}", escaped) + '"'


def _counted(text: str) -> bool:
    """Whether a text begins with a number and goes on in words, so that it is no number."""
    return bool(re.match(r"[0-9]+ [A-Za-z]{2}", text) and _IN_BLOCK.fullmatch("n" + text))


def flow(value: object) -> str:
    """A value in flow style: `{property: landbridge.scale, value: 2}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    return scalar(value, block=False)


def _key(key: object) -> str:
    return str(key) if _KEY.fullmatch(str(key)) else scalar(key, block=False)


def entry(key: str, value: object, *, indent: int = 0, comment: str = "") -> list[str]:
    """`key: value` as lines; long text is folded, and a comment stands behind a short value or above a long one."""
    pad, comment = " " * indent, _tidy(comment)
    if isinstance(value, str) and len(value) + len(key) + indent + 4 > WIDTH and _foldable(value):
        lines = textwrap.wrap(value, WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False)
        above = [f"{pad}# {comment}"] if comment else []
        return [*above, f"{pad}{key}: >-", *(f"{pad}  {line}" for line in lines)]
    line = f"{pad}{key}: {scalar(value) if isinstance(value, str) else flow(value)}"
    if not comment:
        return [line]
    return (
        [f"{line}  # {comment}"] if len(line) + len(comment) + 4 <= WIDTH else [*remark(comment, indent=indent), line]
    )


def remark(comment: str, *, indent: int = 0) -> list[str]:
    """A comment as lines of its own."""
    pad = " " * indent + "# "
    return textwrap.wrap(_tidy(comment), WIDTH, initial_indent=pad, subsequent_indent=pad, break_long_words=False)


def _tidy(comment: str) -> str:
    """A comment on one line, whatever a source puts into it."""
    return _UNPRINTABLE.sub("?", " ".join(comment.split()))


def _foldable(text: str) -> bool:
    """Whether folding gives the same text back: single blanks, no line breaks, nothing unprintable."""
    return text == " ".join(text.split()) and not _UNPRINTABLE.search(text) and not text.startswith(("#", "-"))
