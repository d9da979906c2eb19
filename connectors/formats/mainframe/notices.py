"""What a reader tells about a file once it has been read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from connectors.formats.mainframe.reading import Decoder
from connectors.formats.tables import Noticed
from ledger.models import Severity

SHOWN = 10  # fields that a notice names
FRAMING = {  # rule: what was counted, and its unit
    "records-skipped": ("records are shorter or longer than allowed", "rows"),
    "lines-too-long": ("lines are longer than the copybook says; the rest of each is cut off", "rows"),
    "record-cut": ("records are cut; what is missing of them is null", "rows"),
    "padding-bytes": ("NULs after the last record were passed over", "bytes"),
    "segments-unmapped": ("records are of a segment that redefine_segment_id_map does not name", "rows"),
    "records-before-root": ("records come before the first root record and were left out", "rows"),
}
CHECK = "Check the copybook, the encoding and the record format."


def about_records(counts: Mapping[str, int]) -> list[Noticed]:
    """What was odd about how records lie in the file, by rule."""
    return [
        Noticed(rule, f"{counts[rule]:,} {what}", count=counts[rule], unit=unit)
        for rule, (what, unit) in FRAMING.items()
        if counts.get(rule)
    ]


def about_fields(decoder: Decoder) -> list[Noticed]:
    """What was odd about values, by rule."""
    sole = {node.name for node in decoder.layout.all() if not node.alternative}
    told = [
        _fields("numbers-undecodable", decoder.undecodable, "values are no number, and null", sole),
        _fields("numbers-cut", decoder.cut, "numbers are cut by the end of their record, and null", sole),
        _fields("characters-unreadable", decoder.unreadable, "texts hold characters that the code page lacks", sole,
                "Declare ebcdic_code_page, or field_code_page for single fields."),
        _fields("counts-out-of-range", decoder.counts_out_of_range,
                "tables have a count outside of OCCURS; all of their elements were read", sole),
    ]  # fmt: skip
    return [notice for notice in told if notice is not None]


def about_orphans(counts: Mapping[str, int]) -> list[Noticed]:
    """Records of child segments that no record of their parent segment comes before."""
    notice = _fields("orphan-segments", counts, "records without a parent record were left out", set(counts))
    return [] if notice is None else [notice]


def _fields(
    rule: str, counts: Mapping[str, int], what: str, sole: Collection[str], remedy: str = CHECK
) -> Noticed | None:
    """One notice for all fields; no warning where other fields describe the same bytes, and may be the right ones."""
    total = sum(counts.values())
    if not total:
        return None
    most = sorted(counts.items(), key=lambda named: -named[1])
    names = ", ".join(f"{name} ({count:,})" for name, count in most[:SHOWN])
    severity: Severity = "warning" if any(name in sole for name in counts) else "info"
    return Noticed(
        rule, f"{total:,} {what}: {names}", severity, total, "values", remedy, {"fields": dict(most)}
    )  # fmt: skip
