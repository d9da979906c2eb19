"""Parse the entries of a copybook into a tree of items.

Clauses may come in any order. What is not understood is refused with its line, never skipped: a clause that is
overlooked moves every field after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.formats.mainframe.copybook.elementary import elementary
from connectors.formats.mainframe.copybook.items import FILLER, Condition, Copybook, Item, column_name, refusal
from connectors.formats.mainframe.copybook.tokens import Margins, Sentence, Word, sentences

USAGES = {
    "DISPLAY", "DISPLAY-1", "NATIONAL", "BINARY", "PACKED-DECIMAL", "INDEX", "POINTER", "POINTER-32",
    "FUNCTION-POINTER", "PROCEDURE-POINTER",
    *(f"COMP{end}" for end in ("", "-0", "-1", "-2", "-3", "-3U", "-4", "-5", "-6", "-9")),
}  # fmt: skip
ALSO_NAMES = {"INDEX", "POINTER", "VALUE", "VALUES", "SIGN", "BLANK"}  # reserved, and yet seen as names of items
LEVELS = range(1, 50)
MOST_ELEMENTS = 1_000_000  # of one table
DEEPEST = 49  # levels below each other


@dataclass
class Entry:
    """One entry while its clauses are read."""

    level: int
    name: str
    line: int
    picture: str = ""
    usage: str = ""
    occurs: int | None = None
    occurs_least: int = 0
    depending_on: str = ""
    redefines: str = ""
    sign_leading: bool | None = None  # None: no SIGN clause
    sign_separate: bool = False
    synchronized: bool = False
    conditions: list[Condition] = field(default_factory=list)
    children: list[Entry] = field(default_factory=list)


def parsed(
    text: str, *, copies: Mapping[str, str] | None = None, margins: Margins = (None, None), decimal_comma: bool = False
) -> Copybook:
    """The copybook of a text. `copies` gives the texts of what it copies, `margins` the columns that are text.

    Raises FileRefused with the line of what is wrong.
    """
    roots: list[Entry] = []
    open_: list[Entry] = []
    renames: list[str] = []
    for sentence in sentences(text, copies or {}, margins):
        level = _level(sentence)
        if level == 66:
            renames.append(column_name(sentence[1].text) if len(sentence) > 1 else "")
        elif level == 88:
            _owner(open_, sentence).conditions.append(_condition(sentence))
        else:
            _placed(_Clauses(sentence).entry(level), roots, open_)
    if not roots:
        raise refusal(1, "it describes no record", "Name the file that holds the copybook.")
    return Copybook(tuple(_item(root, "", None, False, decimal_comma) for root in roots), tuple(renames))


def _level(sentence: Sentence) -> int:
    """The level number that an entry begins with."""
    first = sentence[0]
    level = int(first.text) if first.text.isdecimal() and len(first.text) <= 2 else 0
    if level not in LEVELS and level not in (66, 77, 88):
        raise refusal(first.line, f"'{first.text[:30]}' stands where a level number (01-49, 66, 77, 88) was expected")
    return level


def _owner(open_: Sequence[Entry], sentence: Sentence) -> Entry:
    """The item that a level 88 belongs to."""
    if not open_:
        raise refusal(sentence[0].line, "level 88 follows no item")
    return open_[-1]


def _condition(sentence: Sentence) -> Condition:
    """The name and the values of a level 88."""
    words = [word.text for word in sentence]
    at = next((place for place, word in enumerate(words) if word.upper() in ("VALUE", "VALUES")), None)
    if at is None or len(words) < 4:
        raise refusal(sentence[0].line, "level 88 without VALUE")
    given = words[at + 1 :]
    told = given[1:] if given[0].upper() in ("IS", "ARE") else given
    return Condition(column_name(words[1]), tuple(told))


def _placed(entry: Entry, roots: list[Entry], open_: list[Entry]) -> None:
    """Put an entry below the last one of a lower level."""
    level = 1 if entry.level == 77 else entry.level
    while open_ and open_[-1].level >= level:
        open_.pop()
    if len(open_) > DEEPEST:
        raise refusal(entry.line, f"groups lie deeper than {DEEPEST} levels")
    parent = open_[-1] if open_ else None
    if parent is not None and (parent.picture or _is_elementary(parent.usage)):
        raise refusal(entry.line, f"{entry.name} lies below {parent.name}, which is no group but has a picture")
    if parent is not None and parent.children and parent.children[-1].level < level:
        raise refusal(entry.line, f"level {entry.level} of {entry.name} fits none of the levels above it")
    (roots if parent is None else parent.children).append(entry)
    open_.append(entry)


def _is_elementary(usage: str) -> bool:
    """Whether a usage makes an item elementary without a picture."""
    return usage in ("COMP-1", "COMP-2", "INDEX") or usage.endswith("POINTER") or usage == "POINTER-32"


class _Clauses:
    """Reads the clauses of one entry, word by word."""

    def __init__(self, sentence: Sentence) -> None:
        self._words = sentence
        self._at = 1

    def entry(self, level: int) -> Entry:
        """The entry."""
        told = Entry(level, self._name(), self._words[0].line)
        while self._at < len(self._words):
            self._clause(told)
        return told

    def _name(self) -> str:
        """The name, or FILLER where a clause comes at once."""
        word = self._peek()
        following = self._words[self._at + 1].upper if self._at + 1 < len(self._words) else ""
        if word is not None and word.upper in ALSO_NAMES and following in ("PIC", "PICTURE", "OCCURS", "REDEFINES"):
            self._at += 1
            return column_name(word.text)
        if word is None or word.upper in CLAUSES or word.upper in USAGES or word.upper.startswith("COMPUTATIONAL"):
            return FILLER
        self._at += 1
        return FILLER if word.upper == FILLER else column_name(word.text)

    def _clause(self, told: Entry) -> None:
        """One clause, into the entry."""
        word = self._next("a clause")
        usage = word.upper.replace("COMPUTATIONAL", "COMP")
        if word.upper in CLAUSES:
            CLAUSES[word.upper](self, told, word)
        elif usage in USAGES:
            self._use(told, usage, word)
        elif word.text.isdecimal():
            raise refusal(word.line, f"'{word.text}' is not understood here; does a period miss before it?")
        else:
            raise refusal(word.line, f"'{word.text[:30]}' is not understood in the description of {told.name}")

    def picture(self, told: Entry, word: Word) -> None:
        """PICTURE IS string; blanks before a repetition are forgiven."""
        self._skip("IS")
        text = self._next("a picture").text
        while (following := self._peek()) is not None and following.text.startswith("("):
            text += self._next("a repetition").text
        if told.picture:
            raise refusal(word.line, f"{told.name} has two pictures")
        told.picture = text

    def usage(self, told: Entry, word: Word) -> None:
        """USAGE IS usage."""
        self._skip("IS")
        usage = self._next("a usage").upper.replace("COMPUTATIONAL", "COMP")
        if usage not in USAGES:
            raise refusal(word.line, f"USAGE {usage} is not known", "Ask for the data in a standard usage.")
        self._use(told, usage, word)

    def _use(self, told: Entry, usage: str, word: Word) -> None:
        if told.usage and told.usage != usage:
            raise refusal(word.line, f"{told.name} has two usages")
        told.usage = usage

    def occurs(self, told: Entry, word: Word) -> None:
        """OCCURS n [TO m] TIMES [DEPENDING ON x] [ASCENDING KEY IS ...] [INDEXED BY ...]."""
        least, most = self._number(), None
        if self._skip("TO"):
            most = self._number()
        self._skip("TIMES")
        told.occurs, told.occurs_least = (least, 0) if most is None else (most, least)
        if told.occurs < 1 or told.occurs > MOST_ELEMENTS or told.occurs_least > told.occurs:
            raise refusal(word.line, f"OCCURS of {told.name} is not between 1 and {MOST_ELEMENTS:,}, or TO is less")
        while (following := self._peek()) is not None and following.upper in (
            "DEPENDING", "ASCENDING", "DESCENDING", "INDEXED",
        ):  # fmt: skip
            self._at += 1
            self._skip("ON", "KEY")
            self._skip("IS", "BY", "ARE")
            if following.upper == "DEPENDING":
                told.depending_on = column_name(self._qualified())
            else:
                self._names()

    def _qualified(self) -> str:
        """A name; the groups that qualify it are passed over."""
        name = self._next("a name").text
        while self._skip("OF", "IN"):
            self._next("a name")
        return name

    def _names(self) -> None:
        """Names that say nothing about bytes."""
        while (word := self._peek()) is not None and word.upper not in CLAUSES and word.upper not in USAGES:
            if word.upper in ("DEPENDING", "ASCENDING", "DESCENDING", "INDEXED"):
                return
            self._at += 1

    def redefines(self, told: Entry, word: Word) -> None:
        """REDEFINES name."""
        told.redefines = column_name(self._next("a name").text)

    def sign(self, told: Entry, word: Word) -> None:
        """SIGN IS LEADING|TRAILING [SEPARATE CHARACTER]; the word SIGN may be missing."""
        side = word.upper
        if side == "SIGN":
            self._skip("IS")
            side = self._next("LEADING or TRAILING").upper
        if side not in ("LEADING", "TRAILING"):
            raise refusal(word.line, f"SIGN of {told.name} is neither LEADING nor TRAILING")
        told.sign_leading = side == "LEADING"
        told.sign_separate = self._skip("SEPARATE")
        self._skip("CHARACTER")

    def value(self, told: Entry, word: Word) -> None:
        """VALUE of an item: what a program writes there, nothing that a reader needs."""
        self._skip("IS", "ARE")
        while (given := self._peek()) is not None and given.upper not in CLAUSES and given.upper not in USAGES:
            self._at += 1

    def synchronized(self, told: Entry, word: Word) -> None:
        """SYNCHRONIZED [LEFT|RIGHT]."""
        self._skip("LEFT", "RIGHT")
        told.synchronized = True

    def ignored(self, told: Entry, word: Word) -> None:
        """A clause that changes no byte, with the words that belong to it."""
        self._skip("WHEN", "IS", "RIGHT", "NATIONAL")
        self._skip("ZERO", "ZEROS", "ZEROES", "NATIONAL")

    def _peek(self) -> Word | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def _next(self, what: str) -> Word:
        if self._at >= len(self._words):
            raise refusal(self._words[-1].line, f"{what} is missing at the end of an entry")
        self._at += 1
        return self._words[self._at - 1]

    def _skip(self, *words: str) -> bool:
        """Pass over one of `words` where it comes next."""
        following = self._peek()
        if following is None or following.upper not in words:
            return False
        self._at += 1
        return True

    def _number(self) -> int:
        word = self._next("a number")
        if not word.text.isdecimal() or len(word.text) > 9:
            raise refusal(word.line, f"OCCURS needs a number, not '{word.text[:30]}'")
        return int(word.text)


CLAUSES: dict[str, Callable[[_Clauses, Entry, Word], None]] = {
    "PIC": _Clauses.picture,
    "PICTURE": _Clauses.picture,
    "USAGE": _Clauses.usage,
    "OCCURS": _Clauses.occurs,
    "REDEFINES": _Clauses.redefines,
    "SIGN": _Clauses.sign,
    "LEADING": _Clauses.sign,
    "TRAILING": _Clauses.sign,
    "VALUE": _Clauses.value,
    "VALUES": _Clauses.value,
    "SYNC": _Clauses.synchronized,
    "SYNCHRONIZED": _Clauses.synchronized,
    "JUST": _Clauses.ignored,
    "JUSTIFIED": _Clauses.ignored,
    "BLANK": _Clauses.ignored,
    "GLOBAL": _Clauses.ignored,
    "EXTERNAL": _Clauses.ignored,
    "GROUP-USAGE": _Clauses.ignored,
}


def _item(entry: Entry, usage: str, leading: bool | None, separate: bool, decimal_comma: bool) -> Item:
    """The item of an entry; what its groups say of usage and sign holds where it says nothing itself."""
    own = entry.usage or usage
    sign = (entry.sign_leading, entry.sign_separate) if entry.sign_leading is not None else (leading, separate)
    told = Item(
        entry.level, entry.name, entry.line, None, entry.picture, entry.occurs, entry.occurs_least, entry.depending_on,
        entry.redefines, entry.synchronized, "", tuple(entry.conditions),
    )  # fmt: skip
    if entry.picture or _is_elementary(own):
        declared = entry.sign_leading is not None
        kind, charset = elementary(told, own, sign, sign_declared=declared, decimal_comma=decimal_comma)
        return replace(told, field=kind, charset=charset)
    if not entry.children:
        raise refusal(entry.line, f"{entry.name} has neither a picture nor items below it")
    return replace(told, children=tuple(_item(child, own, *sign, decimal_comma) for child in entry.children))
