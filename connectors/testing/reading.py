"""What the laws ask of a connector, and how they compare what was put with what came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from catalog.errors import SourceError
from catalog.models import Dataset
from connectors.batch import Batch, Since
from connectors.testing.system import Columns, System

PROVENANCE = ("_location", "_position")
TRUE, FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no")
NUMBERED: Columns = {"id": "integer", "note": "text"}


def demand(held: object, told: str) -> None:
    """Raise AssertionError with a sentence about the law unless it holds."""
    if not held:
        raise AssertionError(told)


def numbered(count: int) -> list[dict[str, Any]]:
    """So many rows of NUMBERED."""
    return [{"id": number, "note": f"note {number}"} for number in range(1, count + 1)]


def stream(
    system: System, *, dataset: Dataset | None = None, since: Since | None = None, **habits: Any
) -> Iterator[Batch]:
    """The batches of one read, as they come."""
    known = {} if since is None else {"since": since}
    told: Iterator[Batch] = iter(
        system.connector.read(system.source(**habits), dataset or system.dataset(), folder=system.folder, **known)
    )
    return told


def batches_of(system: System, **known: Any) -> list[Batch]:
    """All batches of one read, of which there is at least one, of one schema."""
    told = list(stream(system, **known))
    demand(told, "at least one batch comes, with the columns, also where there are no rows")
    return told


def frame_of(batches: Sequence[Batch]) -> pl.DataFrame:
    """The rows of all batches."""
    schemas = [batch.frame.schema for batch in batches]
    demand(all(one == schemas[0] for one in schemas), f"all batches have one schema, not {_differing(schemas)}")
    return pl.concat([batch.frame for batch in batches])


def rows_of(system: System, batches: Sequence[Batch], names: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of all batches, of these columns."""
    frame = frame_of(batches)
    absent = [name for name in names if name not in frame.columns]
    demand(not absent, f"the promised columns {absent} are not in what is read, which has {frame.columns}")
    if system.padded:
        frame = frame.with_columns(pl.col(pl.String).str.strip_chars_end(" "))
    return frame.select(list(names)).to_dicts()


def columns_of(system: System, dataset: Dataset | None = None) -> dict[str, str]:
    """What `columns` tells."""
    told = system.connector.columns(system.source(), dataset or system.dataset(), folder=system.folder)
    return dict(told)


def keys_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys of rows as text, whatever type they came as."""
    return [str(row["id"]) for row in rows]


def fault_of(question: Callable[[], Any]) -> SourceError:
    """The SourceError that a question ends with."""
    try:
        question()
    except SourceError as error:
        return error
    except Exception as error:
        raise AssertionError(f"it fails with {type(error).__name__}, which is no SourceError") from error
    raise AssertionError("it answers as if all were well")


def means(put: Any, came: Any) -> bool:
    """Whether what came is what was put: the same value of the same type, or a text that says the same."""
    if put is None or came is None:
        return put is None and came is None
    if isinstance(put, str) or not isinstance(came, str):
        return is_same(put, came)
    try:
        return bool(_read(put, came) == put)
    except (ValueError, InvalidOperation):
        return False


def is_same(put: Any, came: Any) -> bool:
    """Whether it is the same value of the same type: a whole number may not come as a float."""
    return type(put) is type(came) and bool(put == came)


def _read(put: Any, text: str) -> Any:
    """A text as a value of the type that was put."""
    match put:
        case bool():
            return True if text.lower() in TRUE else False if text.lower() in FALSE else text
        case int():
            return int(text)
        case float():
            return float(text)
        case Decimal():
            return Decimal(text)
        case datetime():
            return datetime.fromisoformat(text)
        case date():
            return date.fromisoformat(text)
        case time():
            return time.fromisoformat(text)
    return text


def _differing(schemas: Sequence[pl.Schema]) -> str:
    other = next((one for one in schemas if one != schemas[0]), schemas[0])
    return f"{dict(schemas[0])} and {dict(other)}"
