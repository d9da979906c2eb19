"""Frame of the HTML pages we write: one file that needs no network, no script and no other file, on screen or paper.

Text is escaped wherever it enters; only what these functions made, an `Html`, is taken as markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NUMBER = re.compile(r"[-+]?[\d,. ]*\d ?%?")
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--shade:#f6f8fa;
--good:#1a7f37;--amber:#9a6700;--bad:#cf222e;--calm:#0969da}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--line:#3d444d;--shade:#161b22;
--good:#3fb950;--amber:#d29922;--bad:#f85149;--calm:#58a6ff}}
body{margin:2rem auto;max-width:76rem;padding:0 1rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 .5rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}p{margin:.4rem 0;max-width:52rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
caption{text-align:left;color:var(--soft);padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);
min-width:6.5em;overflow-wrap:anywhere}td.n,th.n{min-width:0}
thead th{background:var(--shade)}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.mark{display:inline-block;padding:0 .5rem;border:1px solid;border-radius:1rem;font-size:.85rem;white-space:nowrap}
.good{color:var(--good)}.amber{color:var(--amber)}.bad{color:var(--bad)}.calm{color:var(--calm)}.soft{color:var(--soft)}
.bar{display:inline-block;width:6rem;height:.6rem;border:1px solid var(--line);margin-right:.4rem}
.bar i{display:block;height:100%;background:var(--amber);print-color-adjust:exact;-webkit-print-color-adjust:exact}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .8rem;margin:.3rem 0}dt{color:var(--soft)}dd{margin:0;
overflow-wrap:anywhere}code{font-size:.9em}
@media print{body{margin:0;max-width:none;font-size:10pt}tr,dl{break-inside:avoid}thead{display:table-header-group}
.scroll{overflow:visible}}
"""
TONES = ("good", "amber", "bad", "calm", "soft")


class Html(str):
    """Finished markup. Any other text is escaped before it stands on a page."""

    __slots__ = ()


def escaped(text: object) -> Html:
    """A value as it may stand on a page: markup escaped, characters without a shape shown as U+FFFD, None empty."""
    if isinstance(text, Html):
        return text
    return Html(html.escape(_UNPRINTABLE.sub("\ufffd", "" if text is None else str(text)), quote=True))


def page(title: str, *sections: object) -> str:
    """A whole document with `title` as its heading and the sections below it, in order."""
    head = escaped(title)
    body = "\n".join(escaped(section) for section in sections)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{head}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{head}</h1>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def section(title: str, *parts: object) -> Html:
    """A part of a page with its own heading."""
    inner = "\n".join(escaped(part) for part in parts)
    return Html(f"<section>\n<h2>{escaped(title)}</h2>\n{inner}\n</section>")


def paragraph(*parts: object) -> Html:
    """Running text; parts are joined by a blank."""
    return Html(f"<p>{' '.join(escaped(part) for part in parts)}</p>")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> Html:
    """A table whose first cell of a row names the row; numbers stand to the right.

    Raises ValueError for a row of another length than `columns`.
    """
    cells = [_cells(row, len(columns)) for row in rows]
    head = "".join(_heading(column, [row[n] for row in cells], n) for n, column in enumerate(columns))
    body = "\n".join(_row(row) for row in cells)
    told = f"<caption>{escaped(caption)}</caption>" if caption else ""
    return Html(
        f'<div class="scroll"><table>{told}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
    )


def _cells(row: Sequence[object], width: int) -> list[Html]:
    if len(row) != width:
        raise ValueError(f"a row of {len(row)} cells in a table of {width} columns")
    return [escaped(cell) for cell in row]


def _heading(column: str, below: Sequence[Html], place: int) -> str:
    """Over numbers it stands to the right as they do; the first column names the rows, whatever it holds."""
    told = [cell for cell in below if cell]
    number = ' class="n"' if place and told and all(map(_NUMBER.fullmatch, told)) else ""
    return f'<th scope="col"{number}>{escaped(column)}</th>'


def _row(row: Sequence[Html]) -> str:
    first, *others = row
    return f'<tr><th scope="row">{first}</th>{"".join(map(_cell, others))}</tr>'


def _cell(content: Html) -> str:
    number = ' class="n"' if _NUMBER.fullmatch(content) else ""
    return f"<td{number}>{content}</td>"


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Names with their values, one a line; a pair without a value is left out."""
    told = [(name, escaped(value)) for name, value in pairs]
    return Html(f"<dl>{''.join(f'<dt>{escaped(name)}</dt><dd>{value}</dd>' for name, value in told if value)}</dl>")


def bar(share: float | None) -> Html:
    """A share from 0 to 1 as a bar with its percentage beside it; empty where the share is unknown.

    A share that is not 0 never reads 0 %, and one that is not whole never reads 100 %.
    """
    if share is None:
        return Html("")
    share = min(max(share, 0.0), 1.0)
    told = f"{share:.1%}"
    if share > 0 and told == "0.0%":
        told = "< 0.1%"
    elif share < 1 and told == "100.0%":
        told = "> 99.9%"
    width = f'<i style="width:{share * 100:.2f}%"></i>'
    return Html(f'<span class="bar" aria-hidden="true">{width}</span>{escaped(told)}')


def mark(text: str, tone: str) -> Html:
    """A word in a coloured frame, such as a verdict; the word alone says it all. `tone` is one of TONES."""
    if tone not in TONES:
        raise ValueError(f"'{tone}' is no tone: {', '.join(TONES)}")
    return Html(f'<span class="mark {tone}">{escaped(text)}</span>')


def code(text: object) -> Html:
    """A name, a place or a command, in a fixed-width face."""
    return Html(f"<code>{escaped(text)}</code>")
