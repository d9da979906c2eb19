"""Plant one of four everyday faults in the example's systems, to see what becomes of it: docs/fault-stories.md.

python examples/airline/faults.py null-key        # three crew members lose their number
python examples/airline/faults.py dropped-export  # the weather export breaks off after a third of its lines
python examples/airline/faults.py renamed-column  # a migration renames a column of the airlines' table
python examples/airline/faults.py two-systems     # the two registers disagree on where Charlotte lies
python examples/airline/faults.py repair          # everything as it was
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from sqlalchemy import Engine, create_engine, text

HERE = Path(__file__).resolve().parent
NAMELESS = 3  # crew members whose number is gone
KEPT_SHARE = 3  # one line of so many arrives
MISPLACED = ("CLT", 53.214)  # an airport, and a latitude with its first digit mistyped: 35.214 is right


def null_key(folder: Path) -> str:
    """The first crew members of the roster without their numbers."""
    roster = folder / "crew" / "crew_roster.csv"
    lines = roster.read_text(encoding="utf-8").splitlines(keepends=True)
    nameless = ["," + line.partition(",")[2] for line in lines[1 : NAMELESS + 1]]
    roster.write_text("".join([lines[0], *nameless, *lines[NAMELESS + 1 :]]), encoding="utf-8")
    return f"{NAMELESS} crew members have no number in {roster.name}."


def dropped_export(folder: Path) -> str:
    """The weather export without its later lines, as after a transfer that broke off."""
    export = folder / "weather" / "weather_hourly.csv"
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(lines[: len(lines) // KEPT_SHARE]))
    return f"{export.name} ends after {len(lines) // KEPT_SHARE:,} of {len(lines):,} lines."


def renamed_column(folder: Path) -> str:
    """The airlines' names under another column name."""
    _on_ops(folder, 'ALTER TABLE "ARLN" RENAME COLUMN "NM" TO "CARRIER_NAME"')
    return "ARLN.NM is called CARRIER_NAME now."


def two_systems(folder: Path) -> str:
    """One airport far from where the facilities master has it."""
    code, latitude = MISPLACED
    _on_ops(folder, 'UPDATE "ARPT" SET "LATDEG" = :latitude WHERE "APCODE" = :code', code=code, latitude=latitude)
    return f"The operations list has {code} at latitude {latitude}."


def repair(folder: Path) -> str:
    """The systems as `seed.py` builds them; the API keys stay."""
    seeding = _seeding()
    fresh = folder.with_name(f"{folder.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    seeding.seed(fresh)
    for part in ("crew/crew_roster.csv", "weather/weather_hourly.csv", "ops.db"):
        (fresh / part).replace(folder / part)
    shutil.rmtree(fresh)
    return f"{folder} is as it was."


FAULTS: dict[str, Callable[[Path], str]] = {
    "null-key": null_key,
    "dropped-export": dropped_export,
    "renamed-column": renamed_column,
    "two-systems": two_systems,
    "repair": repair,
}


def main(words: Sequence[str] | None = None) -> int:
    """Plant what the command line names; 0 when it is done, 2 where there are no systems to plant it in."""
    parser = argparse.ArgumentParser(description="Plant an everyday fault in the systems of the airline example.")
    parser.add_argument("fault", choices=FAULTS)
    parser.add_argument("--folder", type=Path, default=HERE / "systems", help="the systems (default: systems/ beside)")
    given = parser.parse_args(words)
    if not (given.folder / "ops.db").is_file():
        sys.stderr.write(f"{given.folder} holds no systems with a SQLite database. Build them: seed.py\n")
        return 2
    sys.stdout.write(FAULTS[given.fault](given.folder) + "\n")
    return 0


def _on_ops(folder: Path, statement: str, **values: object) -> None:
    engine: Engine = create_engine(f"sqlite:///{folder / 'ops.db'}")
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def _seeding() -> ModuleType:
    """`seed.py`, which lies beside and belongs to no package."""
    spec = importlib.util.spec_from_file_location("airline_seed", HERE / "seed.py")
    assert spec is not None and spec.loader is not None  # noqa: S101 - the file lies beside this one
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
