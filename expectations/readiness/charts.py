"""Charts of scores as SVG that stands inside a page: drawn by altair, without a script, readable in dark and light."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from expectations.pages import Html

WIDTH = 720  # pixels
LINES = 8  # subjects in the trend; more cannot be told apart
COLOURS = {"enough": "#1a7f37", "below": "#bf8700", "not measured": "#cf222e", "no minimum": "#0969da"}


@dataclass(frozen=True)
class Standing:
    """One bar: a subject's total, its minimum if it has one, and one of the words of COLOURS."""

    subject: str
    total: float
    minimum: float | None
    standing: str


@dataclass(frozen=True)
class Moment:
    """One point of a line: what a subject's total was from `at` on."""

    subject: str
    at: datetime
    total: float


class Drawings:
    """The charts of one report by what they show. One that is `known` is not drawn: that loads altair and its engine.

    `told` are those of this report.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self.told: dict[str, str] = {}

    def of(self, draw: Callable[..., Html], *shown: object) -> Html:
        """What `draw` makes of what is shown, whose text says all of it."""
        name = hashlib.sha256(f"{draw.__name__} {shown!r}".encode()).hexdigest()
        self.told[name] = self._known[name] if name in self._known else draw(*shown)
        return Html(self.told[name])


def standings_chart(standings: Sequence[Standing]) -> Html:
    """A bar per subject in the order given, with a stroke at its minimum."""
    import altair as alt

    rows = [{"subject": one.subject, "total": one.total, "minimum": one.minimum, "standing": one.standing}
            for one in standings]  # fmt: skip
    order = [one.subject for one in standings]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("subject:N", sort=order, title=None, axis=alt.Axis(labelLimit=260))
    )
    scale = alt.Scale(domain=[0, 100])
    shown = [word for word in COLOURS if any(one.standing == word for one in standings)]
    colours = alt.Scale(domain=shown, range=[COLOURS[word] for word in shown])
    bars = base.mark_bar(height=14).encode(
        x=alt.X("total:Q", scale=scale, title="readiness, 0 to 100"),
        color=alt.Color("standing:N", scale=colours, title=None),
    )
    told = base.mark_text(align="left", dx=4, fill="currentColor").encode(
        x=alt.X("total:Q", scale=scale), text=alt.Text("total:Q", format=".1f")
    )
    strokes = base.transform_filter("isValid(datum.minimum)").mark_tick(
        thickness=2, height=20, color="currentColor"
    ).encode(x=alt.X("minimum:Q", scale=scale))  # fmt: skip
    return _svg((bars + told + strokes).properties(width=WIDTH - 300, height=alt.Step(26)).to_dict(), "Scores")


def trend_chart(moments: Sequence[Moment], until: datetime) -> Html:
    """A stepped line per subject, at most LINES of them: a score holds until its evidence moves, the last until now."""
    import altair as alt

    subjects = list(dict.fromkeys(one.subject for one in moments))[:LINES]
    last = {one.subject: one.total for one in moments}
    points = [one for one in moments if one.subject in subjects]
    points += [Moment(subject, until, last[subject]) for subject in subjects]
    rows = [{"subject": one.subject, "at": one.at.isoformat(), "total": one.total} for one in points]
    chart = alt.Chart(alt.InlineData(values=rows)).mark_line(interpolate="step-after", point={"size": 30}).encode(
        x=alt.X("utcyearmonthdatehoursminutes(at):T", title="measured (UTC)", axis=alt.Axis(labelOverlap=True)),
        y=alt.Y("total:Q", scale=alt.Scale(domain=[0, 100]), title="readiness"),
        color=alt.Color("subject:N", sort=subjects, title=None),
    )  # fmt: skip
    return _svg(chart.properties(width=WIDTH - 240, height=240).to_dict(), "Scores over time")


def _svg(specification: Mapping[str, Any], title: str) -> Html:
    """The drawing with a name for those who do not see it. Colours of text follow the page."""
    import vl_convert

    ink = {"labelColor": "currentColor", "titleColor": "currentColor"}
    config = {
        "background": None, "font": "sans-serif", "view": {"stroke": None}, "padding": {"left": 24, "right": 40},
        "legend": ink | {"orient": "top", "labelLimit": 220},
        "axis": ink | {"gridOpacity": 0.25, "domainColor": "currentColor", "tickColor": "currentColor"},
    }  # fmt: skip
    drawn: str = vl_convert.vegalite_to_svg({**specification, "config": config})
    named = drawn.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    return Html(f'<div class="scroll">{named}</div>')
