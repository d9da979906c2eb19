"""What a source holds against its contract, as findings: columns absent, new or retyped, or nothing readable."""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog.errors import SourceError
from catalog.models import Dataset, LogicalType, Source
from ledger.models import Finding

NUMBERS: tuple[LogicalType, ...] = ("number", "integer")
WHOLE: tuple[LogicalType, ...] = (
    "integer",
    "number",
    "boolean",
    "time",
    "date",
    "timestamp",
)  # HHMM, YYYYMMDD: old habits
# What a declared type can be read as, by the first word of its name. A name that is not here may hold anything.
KINDS: dict[str, tuple[LogicalType, ...]] = {
    **dict.fromkeys(("bool", "boolean"), ("boolean",)),
    **dict.fromkeys(("bit",), ("boolean", "integer")),
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "integer", "bigint", "serial", "bigserial"), WHOLE),
    **dict.fromkeys(("int2", "int4", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), WHOLE),
    **dict.fromkeys(
        ("float", "real", "double", "float4", "float8", "halffloat", "binary_float", "binary_double"), ("number",)
    ),
    **dict.fromkeys(("numeric", "decimal", "number", "decimal128", "decimal256", "money", "smallmoney"), NUMBERS),
    **dict.fromkeys(("timestamp", "timestamptz", "datetimeoffset"), ("timestamp",)),
    **dict.fromkeys(("datetime", "datetime2", "smalldatetime"), ("timestamp", "date")),
    **dict.fromkeys(("date", "date32", "date64"), ("date", "timestamp")),
    **dict.fromkeys(("time", "timetz", "time32", "time64"), ("time",)),
    **dict.fromkeys(("interval", "duration", "month_interval", "uuid", "uniqueidentifier", "blob", "bytea"), ()),
    **dict.fromkeys(
        ("binary", "varbinary", "large_binary", "fixed_size_binary", "longblob", "mediumblob", "tinyblob"), ()
    ),
    **dict.fromkeys(("list", "large_list", "fixed_size_list", "struct", "map"), ()),
}
FIRST_WORD = re.compile(r"[a-z0-9_]+")


def drift_findings(source: Source, dataset: Dataset, held: Mapping[str, str]) -> list[Finding]:
    """Findings of stage `raw`. `held` maps column names to declared types; `text` may hold any type."""
    promised = {field.physical_name: field for field in dataset.fields if field.combine is None}
    findings = []
    owner = source.owner or dataset.owner
    for name in sorted(set(promised) - set(held)):
        field = promised[name]
        near = [one for one in held if one.casefold() == name.casefold()]
        hint = f"The source has '{near[0]}': correct the contract's physicalName." if near else (
            f"Ask {owner or 'the owner'} to restore it, or take it out of {dataset.place.file}.")  # fmt: skip
        findings.append(Finding(
            rule=f"missing-column/{name}", dataset=dataset.name, stage="raw", severity="critical", count=1,
            unit="columns",
            message=f"The column '{name}' ({field.name}) that the contract promises is not in {dataset.physical_name}.",
            evidence={"promised": sorted(promised), "held": sorted(held)}, owner=owner, remedy=hint, blocking=True,
        ))  # fmt: skip
    new = sorted(set(held) - set(promised))
    if new:
        frozen = dataset.drift == "freeze"
        findings.append(Finding(
            rule="new-columns", dataset=dataset.name, stage="raw", severity="critical" if frozen else "info",
            count=len(new), unit="columns", sample_keys=tuple(new[:20]), owner=owner, blocking=frozen,
            message=f"{dataset.physical_name} holds columns the contract does not know: {', '.join(new[:8])}.",
            evidence={"columns": {name: held[name] for name in new}},
            remedy=f"Describe them in {dataset.place.file}; until then they are left out.",
        ))  # fmt: skip
    for name in sorted(set(promised) & set(held)):
        allowed = _allowed(held[name])
        field = promised[name]
        if allowed is not None and field.type not in allowed and field.type != "string":
            findings.append(Finding(
                rule=f"type-changed/{name}", dataset=dataset.name, stage="raw", severity="warning", count=1,
                unit="columns", owner=owner,
                message=f"The source declares '{name}' as {held[name]}; the contract reads it as {field.type}.",
                evidence={"declared": held[name], "promised": field.type},
                remedy="Correct the contract's logicalType, or settle the change with the owner.",
            ))  # fmt: skip
    return findings


def _allowed(declared: str) -> tuple[LogicalType, ...] | None:
    """Logical types, beside string, that a declared type can be read as; None where it may hold anything."""
    word = FIRST_WORD.match(declared.lower())
    if word is None:
        return None
    return () if declared.endswith("[]") else KINDS.get(word.group())


def unreadable_finding(error: SourceError, source: Source, dataset: Dataset) -> Finding:
    """See `connectors.unreadable`."""
    return Finding(
        rule="source-readable",
        dataset=dataset.name,
        stage="raw",
        severity="critical",
        count=0,
        message=f"Source '{source.name}': {error.detail.rstrip('.')}.",
        owner=source.owner or dataset.owner,
        remedy=error.remedy or "Restore the source; the last good index keeps serving.",
        blocking=True,
    )
