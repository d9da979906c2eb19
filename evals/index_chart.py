"""Draw what an index costs beside its rivals: CPU seconds and peak memory of each run, as SVG for a page."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from evals.process_trees import Cost

COLOURS = ("#0969da", "#bf8700", "#8250df")  # by way, ours first; readable on light and dark
PANEL = 150  # pixels a group of bars is wide
HEIGHT = 180


def drawn(costs: Mapping[str, Mapping[str, Sequence[Cost]]]) -> str:
    """The medians of `costs`, by column and way; each column has a scale of its own, as the first dwarfs the others."""
    import altair as alt
    import vl_convert

    ways = list(next(iter(costs.values())))
    rows = [
        {
            "column": column, "way": way,
            "CPU, s": statistics.median(one.cpu for one in many),
            "peak, MiB": statistics.median(one.peak for one in many),
        }
        for column, by_way in costs.items() for way, many in by_way.items()
    ]  # fmt: skip
    colour = alt.Color("way:N", sort=ways, scale=alt.Scale(domain=ways, range=list(COLOURS)), title=None)
    forms = {"CPU, s": ".1f", "peak, MiB": ",.0f"}
    chart = (
        alt.vconcat(*(_panels(rows, of, colour, form) for of, form in forms.items()))
        .configure(background="white")
        .configure_view(stroke=None)
    )
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def _panels(rows: list[dict[str, Any]], of: str, colour: Any, form: str) -> Any:
    """One measure: a panel of bars for each column."""
    import altair as alt

    told: list[Any] = []
    for column in dict.fromkeys(row["column"] for row in rows):
        some = alt.InlineData(values=[row for row in rows if row["column"] == column])
        base = alt.Chart(some, title=column).encode(
            x=alt.X("way:N", sort=None, axis=None), y=alt.Y(f"{of}:Q", title=None if told else of)
        )
        label = base.mark_text(dy=-6).encode(text=alt.Text(f"{of}:Q", format=form))
        told.append((base.mark_bar().encode(color=colour) + label).properties(width=PANEL, height=HEIGHT))
    return alt.hconcat(*told)
