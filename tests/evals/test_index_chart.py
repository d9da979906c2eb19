"""Charts for pages: every median is on them, under its column, with the colours of the ways."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from evals.index_chart import COLOURS, Measure, bars, drawn, medians_of
from evals.process_trees import Cost


def told(svg):
    return {one.text for one in ElementTree.fromstring(svg).iter() if one.text}


def test_each_length_has_the_median_rate_of_both_ways():
    rates = {"long": {"ours": [70.0, 71.0, 99.0], "theirs": [15.5]}, "short": {"ours": [1560.0], "theirs": [112.0]}}
    svg = bars([Measure("texts per CPU second", ",.1f", medians_of(rates, float))])
    assert told(svg) >= {"long", "short", "texts per CPU second", "ours", "theirs", "71.0", "15.5", "1,560.0", "112.0"}
    assert [colour in svg for colour in COLOURS[:3]] == [True, True, False]


def test_the_chart_of_an_index_tells_seconds_and_memory():
    costs = {
        "first": {"ours": [Cost(cpu=67.2, wall=1.0, peak=1867.0)], "theirs": [Cost(cpu=122.6, wall=1.0, peak=98.0)]}
    }
    assert told(drawn(costs)) >= {"first", "CPU, s", "peak, MiB", "67.2", "122.6", "1,867", "98"}
