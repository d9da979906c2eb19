"""Draw medians as bars, a row of panels for each measure: what an index costs beside its rivals, as SVG for a page."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from evals.process_trees import Cost

COLOURS = ("#0969da", "#1a7f37", "#bf8700", "#8250df")  # by way, ours first; readable on light and dark
PANEL = 150  # pixels a group of bars is wide
HEIGHT = 180
T = TypeVar("T")


class Measure(NamedTuple):
    """A median of each column and way, and how it is written."""

    title: str
    form: str
    medians: Mapping[str, Mapping[str, float]]


def drawn(costs: Mapping[str, Mapping[str, Sequence[Cost]]]) -> str:
    """The medians of `costs`, by column and way."""
    seconds, memory = medians_of(costs, lambda one: one.cpu), medians_of(costs, lambda one: one.peak)
    return bars([Measure("CPU, s", ".1f", seconds), Measure("peak, MiB", ",.0f", memory)])


def medians_of(
    rounds: Mapping[str, Mapping[str, Sequence[T]]], of: Callable[[T], float]
) -> dict[str, dict[str, float]]:
    """The median of each column and way."""
    return {
        column: {way: statistics.median(of(one) for one in many) for way, many in by_way.items()}
        for column, by_way in rounds.items()
    }


def bars(measures: Sequence[Measure]) -> str:
    """Each column of each measure as a panel with a scale of its own, as one often dwarfs the others; as SVG."""
    import altair as alt
    import vl_convert

    ways = list(next(iter(measures[0].medians.values())))
    colour = alt.Color("way:N", sort=ways, scale=alt.Scale(domain=ways, range=list(COLOURS)), title=None)
    chart = (
        alt.vconcat(*(_panels(one, colour) for one in measures))
        .configure(background="white")
        .configure_view(stroke=None)
    )
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def _panels(measure: Measure, colour: Any) -> Any:
    """One measure: a panel of bars for each column."""
    import altair as alt

    told: list[Any] = []
    for column, by_way in measure.medians.items():
        some = alt.InlineData(values=[{"way": way, "median": median} for way, median in by_way.items()])
        base = alt.Chart(some, title=column).encode(
            x=alt.X("way:N", sort=None, axis=None),
            y=alt.Y("median:Q", title=None if told else measure.title),
        )
        label = base.mark_text(dy=-6).encode(text=alt.Text("median:Q", format=measure.form))
        told.append((base.mark_bar().encode(color=colour) + label).properties(width=PANEL, height=HEIGHT))
    return alt.hconcat(*told)
