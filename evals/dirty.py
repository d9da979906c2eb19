"""Measure which wrong cells a contract of ten lines finds in dirty data, beside detectors that know nothing of it.

    python -m evals.dirty

The sets are those of Raha (Mahdavi et al., SIGMOD 2019). A cell is wrong where the dirty file and the clean one differ.
The owner's lines stand below; everything else of the contract is what the header says: every column a text. They were
written from the dirty file and what is common knowledge of the field, without the clean one, and are run as any project
is: pulled, normalized, checked. A cell counts as detected where the quarantine names its row and its field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import yaml

from pipelines import stages
from pipelines.site import Site

DATA = Path(__file__).parents[2] / "shared" / "data" / "dirty" / "raha"
LINES = 10  # of a contract that its owner writes
BEERS = r"""
properties:
- {name: ounces, logicalType: string, logicalTypeOptions: {pattern: '^[0-9]+([.][0-9])?$'}}
- {name: abv, logicalType: string, logicalTypeOptions: {pattern: '^0[.][0-9]+$'}}
- {name: ibu, logicalType: string, logicalTypeOptions: {pattern: '^[0-9]+$'}}
- {name: city, logicalType: string, logicalTypeOptions: {pattern: '[a-z]$'}}
- {name: state, logicalType: string, required: true, logicalTypeOptions: {pattern: '^[A-Z]{2}$'}}
"""
HOSPITAL = r"""
properties:
- {name: provider_number, logicalType: string, logicalTypeOptions: {pattern: '^[0-9]+$'}}
- {name: score, logicalType: string, logicalTypeOptions: {pattern: '^([0-9]+%|empty)$'}}
- {name: sample, logicalType: string, logicalTypeOptions: {pattern: '^([0-9]+ patients|empty)$'}}
quality:
- {name: hospital, type: custom, engine: landbridge, implementation: {type: functional_dependency, fields: [provider_number], determines: [name, address_1, city, state, zip, county, phone, type, owner, emergency_service]}}
- {name: measure, type: custom, engine: landbridge, implementation: {type: functional_dependency, fields: [measure_code], determines: [measure_name, condition]}}
- {name: code, type: custom, engine: landbridge, implementation: {type: functional_dependency, fields: [measure_name], determines: [measure_code]}}
- {name: mean, type: custom, engine: landbridge, implementation: {type: functional_dependency, fields: [state, measure_code], determines: [state_average]}}
"""  # noqa: E501 - a rule is a line
OWNERS: Mapping[str, str] = {"beers": BEERS, "hospital": HOSPITAL}

CELL = ["row", "field"]
PLACEHOLDERS = ("n/a", "na", "null", "none", "unknown", "-", "?", "")
RARE = 0.01  # a share below it is rare
FEW = 0.2  # a column whose share of different values is below it has repeating ones
FAR = 3.0  # standard deviations from the mean

Cells = pl.DataFrame  # with the columns of CELL


@dataclass(frozen=True)
class Score:
    """How the detected cells compare with the wrong ones."""

    detected: int
    right: int
    wrong: int

    @property
    def precision(self) -> float:
        """The share of the detected cells that are wrong."""
        return self.right / self.detected if self.detected else 0.0

    @property
    def recall(self) -> float:
        """The share of the wrong cells that are detected."""
        return self.right / self.wrong if self.wrong else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def contract_lines(owner: str) -> list[str]:
    """The lines of an owner's contract."""
    return owner.strip().splitlines()


def dirty(name: str) -> pl.DataFrame:
    """The dirty rows as text."""
    return pl.read_csv(DATA / name / "dirty.csv", infer_schema=False)


def wrong_cells(name: str) -> Cells:
    """The cells in which the dirty file differs from the clean one, whose columns stand in the same order."""
    clean = pl.read_csv(DATA / name / "clean.csv", infer_schema=False)
    pairs = zip(dirty(name), clean, strict=True)
    return marked(pl.DataFrame({ours.name: ours.fill_null("") != theirs.fill_null("") for ours, theirs in pairs}))


def marked(marks: pl.DataFrame) -> Cells:
    """The cells that a frame of booleans marks, rows numbered from 0."""
    rows = marks.with_row_index("row").unpivot(index="row", variable_name="field", value_name="mark")
    return rows.filter("mark").select(pl.col("row").cast(pl.Int64), "field")


def score(detected: Cells, wrong: Cells) -> Score:
    """Compare cells with the wrong ones; a cell counts once."""
    detected = detected.unique()
    return Score(detected.height, detected.join(wrong, on=CELL, how="semi").height, wrong.height)


def by_contract(name: str) -> Cells:
    """The cells that the quarantine names when the owner's contract is run over the dirty file."""
    with TemporaryDirectory() as temporary:
        folder = _written(Path(temporary), name)
        site = Site.open(folder)
        stages.pull(site, name, run_id="dirty")
        stages.make_ready(site, name, run_id="dirty")
        held = pl.read_parquet(site.home.quarantine(name), columns=["_row", "breaches"])
        site.ledger.close()
    breaches = held.explode("breaches").select(
        pl.col("_row").alias("row"), pl.col("breaches").struct.field("field").alias("field")
    )
    return breaches.unique()


def _written(folder: Path, name: str) -> Path:
    """A project folder around the dirty file."""
    for part in ("sources", "datasets", "policies"):
        (folder / part).mkdir(parents=True)
    _write(folder / "project.yaml", {"name": name, "model": "hashed-words"})
    _write(folder / "policies" / "access.yaml", {"local": {"clearance": "restricted"}})
    _write(folder / "sources" / "export.yaml", {"name": "export", "kind": "csv", "location": str(DATA / name)})
    _write(folder / "datasets" / f"{name}.odcs.yaml", _contract(name))
    return folder


def _contract(name: str) -> dict[str, object]:
    owner = yaml.safe_load(OWNERS[name])
    said = {one["name"]: one for one in owner["properties"]}
    header = dirty(name).columns
    properties = [
        {"name": column, "physicalName": column, "logicalType": "string", **said.get(column, {})} for column in header
    ]
    properties[0] |= {"primaryKey": True, "primaryKeyPosition": 1}  # the number of the row
    custom = {"source": "export", "quarantineThreshold": 1.0}
    return {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": name, "name": name, "version": "1.0.0",
        "status": "active",
        "schema": [{"name": name, "physicalName": "dirty.csv", "properties": properties,
                    "quality": owner.get("quality", [])}],
        "customProperties": [{"property": f"landbridge.{key}", "value": value} for key, value in custom.items()],
    }  # fmt: skip


def _write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def no_value(rows: pl.DataFrame) -> pl.DataFrame:
    """Cells without a value, or with a word for none."""
    return rows.select(pl.all().fill_null("").str.strip_chars().str.to_lowercase().is_in(PLACEHOLDERS))


def outliers(rows: pl.DataFrame) -> pl.DataFrame:
    """Numbers far from the mean of their column, where most of its values are numbers."""

    def far(name: str) -> pl.Expr:
        number = pl.col(name).cast(pl.Float64, strict=False)
        most = number.is_not_null().mean() > 0.5
        return (most & ((number - number.mean()).abs() > FAR * number.std())).fill_null(False).alias(name)

    return rows.select(far(name) for name in rows.columns)


def rare_values(rows: pl.DataFrame) -> pl.DataFrame:
    """Values that few rows hold, in columns whose values repeat."""
    return rows.select(_rare(pl.col(name)).alias(name) for name in rows.columns)


def rare_formats(rows: pl.DataFrame) -> pl.DataFrame:
    """Values of a format that few rows have: digits, capitals and small letters, in runs, all else as it is."""

    def shape(name: str) -> pl.Expr:
        text = pl.col(name).fill_null("").str.replace_all("[0-9]+", "9").str.replace_all("[A-Z]+", "A")
        return text.str.replace_all("[a-z]+", "a")

    return rows.select(_rare(shape(name)).alias(name) for name in rows.columns)


def _rare(value: pl.Expr) -> pl.Expr:
    """True where a value is rare among values that repeat."""
    return (pl.len().over(value) < RARE * pl.len()) & (value.n_unique() < FEW * pl.len())


RIVALS: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "no value, or a word for none": no_value,
    "numbers 3 standard deviations away": outliers,
    "values in fewer than 1 % of the rows": rare_values,
    "formats in fewer than 1 % of the rows": rare_formats,
}


def measured(name: str) -> dict[str, Score]:
    """The score of each way on one set."""
    wrong, rows = wrong_cells(name), dirty(name)
    found = {label: marked(way(rows)) for label, way in RIVALS.items()}
    ways = {
        f"contract of {len(contract_lines(OWNERS[name]))} lines": by_contract(name),
        **found,
        "any of these four": pl.concat(found.values()),
    }
    return {label: score(cells, wrong) for label, cells in ways.items()}


def main() -> None:
    """Print the table."""
    for name in OWNERS:
        rows = dirty(name)
        scores = measured(name)
        print(f"{name}: {rows.height:,} rows x {rows.width} columns, {next(iter(scores.values())).wrong:,} wrong cells")
        print(f"{'way':<40} {'precision':>9} {'recall':>9} {'F1':>9} {'detected':>9}")
        for label, one in scores.items():
            print(f"{label:<40} {one.precision:>9.3f} {one.recall:>9.3f} {one.f1:>9.3f} {one.detected:>9,}")
        print()


if __name__ == "__main__":
    main()
