"""What bytes must show before a guess at their encoding is believed: a statistical guess alone reads anything as text.

EBCDIC has its own blank and no ASCII letters; two-byte encodings pair their bytes into characters that are in daily
use and stand together; encodings of seven bits have well-formed escapes (RFC 1468, RFC 1557, RFC 1843, RFC 2152); and
accents of Western text stand among letters.
"""

from __future__ import annotations

import base64
import codecs
import re
import unicodedata

EBCDIC_BLANK, ASCII_BLANK = b"\x40", b" "
FEWEST_BLANKS = 0.02  # of EBCDIC text
FEWEST_HIGH = 0.4  # letters and digits of EBCDIC are no ASCII
PAIRS = ("big5", "cp932", "cp936", "cp949", "cp950", "euc", "gb", "johab", "ms936", "ms949", "shift", "sjis", "cp1361")
FREQUENT = ("gb2312", "big5", "shift_jis", "euc_kr")  # whose first level holds the characters of daily use
FIRST_LEVEL = {"gb2312": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "shift_jis": (0x88, 0x97), "euc_kr": (0xB0, 0xC8)}
MOSTLY_FREQUENT = 0.7
AMONG_ASCII = 0.5  # of runs touch an ASCII letter: they are accents of a word
RUN = re.compile(r"[^\x00-\x7f]+")
SHIFTED = {"iso2022_jp": b"\x1b$", "iso2022_kr": b"\x1b$)C", "hz": b"~{", "utf-7": b"+"}
BASE64 = re.compile(rb"\+([A-Za-z0-9/]*)(-?)")
HIGH = re.compile(rb"[\x80-\xff]+")
SPARSE = 1.5  # bytes in a row that are not ASCII, on average
COMMON = frozenset("éèàäöüßñóíáçãêôâå")
LETTERS = COMMON | frozenset("ëæîïìõòøœûùúÿ")  # of Western Europe, in lower case
QUOTING = frozenset("\u2013\u2014\u2018\u2019\u201c\u201d«»¿¡\xa0")  # dashes and quotes
PUNCTUATION = frozenset("„…•£€°§©®™ªº½¼¾±²³·µ\xd7")
SEPARATING = frozenset("¬¦§þ")  # signs that exports put between cells
LOOKED_AT = 2_000  # characters
FEWEST_CELLS = 2  # of a separating sign in each line that holds it


def is_credible(name: str, sample: bytes) -> bool:
    """Whether bytes show what text of the encoding has to show; true for encodings nothing is asked of."""
    name = codecs.lookup(name).name
    if "A".encode(name, errors="replace") != b"A":
        return looks_ebcdic(sample)
    return not name.startswith(PAIRS) or _pairs_make_sense(name, sample)


def looks_ebcdic(sample: bytes) -> bool:
    """Whether blanks are those of EBCDIC, and letters none of ASCII."""
    high = sum(map(len, HIGH.findall(sample)))
    blanks = sample.count(EBCDIC_BLANK)
    return (
        high >= FEWEST_HIGH * len(sample)
        and blanks >= FEWEST_BLANKS * len(sample)
        and blanks > sample.count(ASCII_BLANK)
    )


def _pairs_make_sense(name: str, sample: bytes) -> bool:
    """Whether pairs of bytes decode to characters in daily use that stand together, apart from ASCII letters."""
    text = sample.decode(name, errors="replace")
    runs = [(match.group(), text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1])
            for match in RUN.finditer(text)][:LOOKED_AT]  # fmt: skip
    signs = [sign for run, _, _ in runs for sign in run]
    frequent = sum(map(_is_frequent, signs))
    touching = sum(_is_letter(before) or _is_letter(after) for _, before, after in runs)
    alone = sum(len(run) == 1 for run, _, _ in runs)
    return (
        bool(runs)
        and frequent >= MOSTLY_FREQUENT * len(signs)
        and touching < AMONG_ASCII * len(runs)
        and alone * 2 <= len(runs)
    )


def _is_frequent(sign: str) -> bool:
    """Whether a character is kana, a sign of CJK text, or of the first level of one of the old sets."""
    if "\u3000" <= sign <= "\u30ff" or "\uff00" <= sign <= "\uffef":
        return True
    for name in FREQUENT:
        pair = sign.encode(name, errors="ignore")
        low, high = FIRST_LEVEL[name]
        if len(pair) == 2 and low <= pair[0] <= high:
            return True
    return False


def frequency(name: str, sample: bytes) -> float:
    """How many characters of a decoded text are kana or hangul, or else in daily use: 2 or 1 each, on average."""
    text = sample.decode(name, errors="replace")
    signs = [sign for sign in text if sign > "\x7f"][:LOOKED_AT]
    told = sum(2 if "\u3041" <= sign <= "\u30ff" else _is_frequent(sign) for sign in signs)
    return told / max(len(signs), 1)


def _is_letter(sign: str) -> bool:
    return sign.isascii() and sign.isalpha()


def shifted(data: bytes) -> str:
    """The encoding of seven bits whose escapes stand in the data, all of them well formed; else empty."""
    for name, escape in SHIFTED.items():
        if escape in data and _shifts(data, name):
            return name
    return ""


def _shifts(data: bytes, name: str) -> bool:
    if name == "utf-7":
        return _is_utf7(data)
    if name == "hz" and data.count(b"~{") != data.count(b"~}"):
        return False
    try:
        text = codecs.getincrementaldecoder(name)().decode(data)
    except UnicodeError:
        return False
    return not text.isascii() and all(sign.isprintable() or sign in "\t\r\n\f" for sign in text)


def _is_utf7(data: bytes) -> bool:
    """Whether each plus sign begins UTF-16 in base64, without a bit to spare, of characters that are no ASCII."""
    runs = [match for match in BASE64.finditer(data) if match.group(0) != b"+-"]
    texts = [_base64_text(match.group(1)) for match in runs]
    told = "".join(texts)
    scripts = {unicodedata.name(sign, "").partition(" ")[0] for sign in told if sign.isalpha()}
    return bool(texts) and all(texts) and (len(scripts) <= 2 or scripts <= {"CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH"})


def _base64_text(run: bytes) -> str:
    """What a run of base64 says; empty where it is no text that needs it."""
    bits = len(run) * 6
    if bits < 16 or bits % 16 >= 6:
        return ""
    content = base64.b64decode(run + b"A" * (-len(run) % 4))
    whole, rest = content[: bits // 16 * 2], content[bits // 16 * 2 :]
    try:
        text = whole.decode("utf-16-be")
    except UnicodeDecodeError:
        return ""
    plain = any(sign < "\x80" or not sign.isprintable() for sign in text)
    return "" if plain or any(rest) else text


def is_sparse(sample: bytes, most: float = SPARSE) -> bool:
    """Whether characters that are not ASCII stand alone, as accents do: those of other scripts come in runs."""
    runs = HIGH.findall(sample)
    return len(runs) * most >= sum(map(len, runs))


def likeliness(sample: bytes, name: str) -> float:
    """How much the characters that are not ASCII look like those of Western text, with letters among like letters."""
    text = sample.decode(name, errors="replace")
    separators = frozenset(sign for sign in SEPARATING if _separates(text, sign))
    told = [1.0 if sign in separators else _weight(text, at) for at, sign in enumerate(text) if sign > "\x7f"]
    return sum(told[:LOOKED_AT]) / max(len(told[:LOOKED_AT]), 1)


def _separates(text: str, sign: str) -> bool:
    """Whether a sign stands as often in each line."""
    counts = {line.count(sign) for line in text.splitlines()[:LOOKED_AT] if line.strip()}
    return len(counts) == 1 and counts.pop() >= FEWEST_CELLS - 1 and text.count("\n") > 1


def _weight(text: str, at: int) -> float:
    sign, before, after = text[at], text[max(at - 1, 0) : at], text[at + 1 : at + 2]
    among_letters = before.isalpha() or after.isalpha()
    if not sign.isalpha():
        return 0.9 if sign in QUOTING or (sign in PUNCTUATION and not after.isalpha()) else -1.0
    if sign.lower() not in LETTERS or not among_letters or (sign.isupper() and before.islower()):
        return -0.5
    return 1.0 if sign in COMMON else 0.8
