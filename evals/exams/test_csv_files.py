"""Delimited files of the public benchmarks, and tables as offices publish them, beside the readers that others use."""

import json
from pathlib import Path

import pytest

from connectors.formats.delimited import Options, tables
from connectors.formats.tables import File, Limits
from evals.csv_families import examples
from evals.csv_rivals import READERS, by_clevercsv, landbridge, measured, scored

pytestmark = pytest.mark.exam

SHARED = Path(__file__).parents[3] / "shared/data/csv"
here = pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
SCRUBBED = {"location_coordinates.csv"}  # its twin names another telephone number
UNMARKED = {"newlines_crlf.csv"}  # the copy has LF where its twin has CRLF


@here
def test_polluted_files_score_at_least_as_high_as_with_any_other_reader():
    means = {}
    for name, reader in READERS.items():
        scores = measured(SHARED / "pollock", reader).values()
        means[name] = sum(score.total for score in scores) / len(scores)
    print({name: round(mean, 3) for name, mean in means.items()})
    assert means["landbridge"] >= 9.97
    assert means["landbridge"] == max(means.values())


@here
@pytest.mark.parametrize("path", sorted((SHARED / "csv-spectrum/csvs").glob("*.csv")), ids=lambda path: path.stem)
def test_the_spectrum_is_read_as_its_twins(path):
    wanted = json.loads((SHARED / "csv-spectrum/json" / f"{path.stem}.json").read_text(encoding="utf-8"))
    wanted = wanted if isinstance(wanted, list) else [wanted]
    table = tables(File(path, path.name), Options(), limits=Limits())[0]
    told = [row for piece in table.pieces() for row in piece.frame.drop("_position").to_dicts()]
    if path.name in UNMARKED:
        wanted = [{name: value.replace("\r\n", "\n") for name, value in row.items()} for row in wanted]
    if path.name in SCRUBBED:
        told, wanted = ([{**row, "Contact Phone Number": ""} for row in rows] for rows in (told, wanted))
    assert told == wanted


def test_published_tables_are_found_with_their_headers(tmp_path):
    totals = {"landbridge": [], "CleverCSV": []}
    for example in examples(20, seed=11):
        path = tmp_path / "a.csv"
        path.write_text(example.text, encoding="utf-8", newline="")
        lines = example.header + example.rows  # CleverCSV tells a header line by line, and is measured by that
        totals["landbridge"].append(scored(landbridge(path), example.told, min(len(example.header), 1)))
        totals["CleverCSV"].append(scored(by_clevercsv(path), lines, len(example.header)))
    heads = {name: sum(score.header[2] for score in scores) / len(scores) for name, scores in totals.items()}
    print({name: round(head, 3) for name, head in heads.items()})
    assert heads["landbridge"] >= 0.98
    assert heads["landbridge"] > heads["CleverCSV"]
