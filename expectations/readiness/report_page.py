"""The readiness report for a business owner: first what is missing and for what, then scores, trend and details."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from catalog.models import Project
from expectations import pages
from expectations.pages import Html
from expectations.readiness.charts import Drawings, Moment, Standing, standings_chart, trend_chart
from expectations.readiness.models import SHOWN_BLOCKERS, Blocker, Part, Score
from expectations.readiness.wording import ASKS, listed, number, points, standing, told, verdict
from ledger.models import ReadinessScore

TONES = ((0.95, "good"), (0.6, "amber"), (0.0, "bad"))  # the least share, and its colour on the page
HOW = (
    "A dimension is the mean of its measurements, and a total the weighted mean of its dimensions. What could not be "
    "measured counts as nothing. Points are what a total would gain if that one thing were mended."
)


def readiness_page(
    project: Project,
    scores: Sequence[Score],
    history: Sequence[ReadinessScore],
    now: datetime,
    drawings: Drawings,
) -> str:
    """The report as one HTML document; `history` is oldest first."""
    first = [one for one in scores if one.kind == "use case"] or list(scores)
    ordered = sorted(scores, key=lambda one: (one.kind != "use case", one.enough, one.total, one.subject))
    return pages.page(
        f"Readiness of {project.title or project.name}",
        pages.paragraph(_headline(first), f"Measured {_when(now)}."),
        _missing(sorted(first, key=lambda one: (one.enough, one.total, one.subject))),
        _scores(ordered, drawings),
        _trend(ordered, history, now, drawings),
        *(_details(one) for one in ordered),
        pages.section("How it is counted", pages.paragraph(HOW)),
    )


def _headline(scores: Sequence[Score]) -> str:
    noun = "use case" if scores and scores[0].kind == "use case" else "dataset"
    short = [one for one in scores if not one.enough]
    if not short:
        return f"All {len(scores)} {noun}s are ready for agents." if len(scores) > 1 else f"The {noun} is ready."
    whole = f"{len(scores)} {noun}s" if len(scores) > 1 else f"1 {noun}"
    return f"{len(short)} of {whole} {'is' if len(short) == 1 else 'are'} not ready for agents."


def _missing(scores: Iterable[Score]) -> Html:
    return pages.section("What is missing", *(_card(one) for one in scores))


def _card(score: Score) -> Html:
    """One subject: what stands in its way, what that costs, who can change it, and how."""
    word, tone = standing(score)
    rests = f"It rests on {listed(score.datasets)}." if score.kind == "use case" else ""
    (asked,) = score.dimension("questions").parts if score.kind == "use case" else (None,)
    answered = f"{number(asked.value)} of its {number(asked.of)} questions are answered." if asked and rests else ""
    parts: list[object] = [
        Html(f"<h3>{pages.escaped(score.title)} {pages.mark(word, tone)}</h3>"),
        pages.paragraph(verdict(score), rests, answered, f"Owner: {score.owner or 'nobody is named'}."),
    ]
    worst = score.blockers[:SHOWN_BLOCKERS]
    if worst:
        parts.append(pages.table(("What is missing", "Costs", "Who", "What to do"), [_row(one) for one in worst]))
        rest = score.blockers[SHOWN_BLOCKERS:]
        if rest:
            sum_of = points(sum(one.points for one in rest))
            parts.append(pages.paragraph(f"{len(rest)} more cost {sum_of} together; they stand below."))
    else:
        parts.append(pages.paragraph("Nothing that was measured is missing."))
    return Html("\n".join(pages.escaped(part) for part in parts))


def _row(one: Blocker) -> tuple[object, ...]:
    where = pages.paragraph(f"In {one.dataset}: {one.what}" if one.dataset else one.what)
    return where, told(one), one.owner or "nobody is named", one.remedy


def _scores(scores: Sequence[Score], drawings: Drawings) -> Html:
    rows = [
        (
            one.title,
            one.kind,
            f"{one.total:.1f}",
            "" if one.minimum is None else f"{one.minimum:g}",
            pages.mark(*standing(one)),
            one.owner or "nobody is named",
        )
        for one in scores
    ]
    standings = [Standing(one.title, one.total, one.minimum, standing(one)[0]) for one in scores]
    return pages.section(
        "Scores",
        drawings.of(standings_chart, standings),
        pages.table(("What", "Kind", "Score", "Needed", "Standing", "Owner"), rows),
    )


def _trend(scores: Sequence[Score], history: Sequence[ReadinessScore], now: datetime, drawings: Drawings) -> Html:
    """How scores moved, up to this day; a line begins when the subject was first measured."""
    titles = {one.subject: one.title for one in scores}
    by_subject = {name: [one for one in history if one.subject == name] for name in titles}
    moments = [Moment(titles[name], one.at, one.total) for name, ones in by_subject.items() for one in ones]
    moved = [name for name, ones in by_subject.items() if len(ones) > 1]
    if not moved:
        return pages.section("Trend", pages.paragraph("No score has moved since it was first measured."))
    rows = [(titles[name], *_moved(by_subject[name])) for name in moved]
    columns = ("What", "Before", "Now", "Difference", "Since")
    until = max(now.replace(hour=0, minute=0, second=0, microsecond=0), *(one.at for one in moments))
    return pages.section("Trend", drawings.of(trend_chart, moments, until), pages.table(columns, rows))


def _moved(ones: Sequence[ReadinessScore]) -> tuple[object, ...]:
    before, now = ones[-2:]
    return f"{before.total:.1f}", f"{now.total:.1f}", f"{now.total - before.total:+.1f}", _when(now.at)


def _details(score: Score) -> Html:
    parts: list[object] = []
    for one in score.dimensions:
        of = pages.mark("not measured", "bad") if one.score is None else f"{one.score:.1f}"
        asks = pages.escaped(f"{one.name.capitalize()}: {ASKS[one.name]}")
        parts.append(Html(f"<h3>{asks} {of}</h3>"))
        rows = [(_light(part.what), _share(part), _counted(part), _beside(part)) for part in one.parts]
        dated = any(row[-1] for row in rows)
        columns = ("Measured", "Share", "Counted", "Read")
        parts.append(pages.table(columns if dated else columns[:-1], [row if dated else row[:-1] for row in rows]))
    if score.blockers:
        columns = ("What is missing", "Costs", "Who", "What to do")
        parts += [Html("<h3>Everything that is missing</h3>"), pages.table(columns, map(_row, score.blockers))]
    return pages.section(f"{score.title} ({score.kind} {score.subject})", *parts)


def _light(text: str) -> Html:
    return Html(f'<span style="font-weight:400">{pages.escaped(text)}</span>')


def _share(part: Part) -> Html:
    """A bar in the colour of what it says, with its number on the same line."""
    if part.unknown:
        return pages.mark("not measured", "bad")
    tone = next(tone for least, tone in TONES if part.share >= least)
    drawn = pages.bar(part.share).replace('<i style="', f'<i style="background:var(--{tone});')
    return Html(f'<span style="white-space:nowrap">{drawn}</span>')


def _counted(part: Part) -> str:
    return part.unknown if part.unknown else f"{number(part.value)} of {number(part.of)}"


def _beside(part: Part) -> str:
    at, hours = part.seen.get("at"), part.seen.get("age_hours")
    return f"{_when(datetime.fromisoformat(at))}, {hours:g} hours old" if at else ""


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
