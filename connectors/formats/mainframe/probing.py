"""Look at a file's first records to see whether the copybook fits them at all."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.errors import FileRefused
from connectors.formats.mainframe.planning import Plan
from connectors.formats.mainframe.reading import Decoder
from connectors.formats.mainframe.records import records
from connectors.formats.mainframe.segments import segment_ids, segment_numbers
from connectors.formats.tables import File, Noticed

PROBED = 1_000  # records
PROBED_BYTES = 32 * 2**20  # of values
PORTION = 2**20  # bytes read at once
DOUBTFUL = 0.5  # share of a record's numbers that cannot be decoded


def probed(file: File, plan: Plan) -> Sequence[Noticed]:
    """What the copybook and the first records show. Raises FileRefused where there is no record."""
    told = [_renamed(plan), _other_names(plan), _doubtful(file, plan)]
    return [notice for notice in told if notice is not None]


def _renamed(plan: Plan) -> Noticed | None:
    names = plan.layout.renamed
    if not names:
        return None
    return Noticed(
        "columns-renamed", f"fields of one name were told apart: {', '.join(names[:10])}", "info", len(names), "columns"
    )


def _other_names(plan: Plan) -> Noticed | None:
    if not plan.renames:
        return None
    what = "level 66 entries only give other names to bytes that are read; they are no columns"
    return Noticed("renames-left-out", what, "info", len(plan.renames), "columns")


def _doubtful(file: File, plan: Plan) -> Noticed | None:
    """Whether most numbers of the first records are none, where no other item describes the same bytes."""
    decoder = Decoder(plan.layout, plan.options, plan.options.reading())
    first = next((found for found in records(file, plan.framing(), PORTION) if len(found)), None)
    if first is None:
        raise FileRefused("the file holds no record", "Ask for the export again.")
    first = first.taken(slice(0, min(PROBED, plan.layout.rows_of(PROBED_BYTES))))
    numbers = None
    if plan.options.segment_field:
        numbers = segment_numbers(segment_ids(first, plan.layout, decoder), plan.options)
    decoder.columns(first, numbers if plan.options.redefine_segment_id_map else None)
    sole = {node.name for node in plan.layout.all() if not node.alternative}
    bad = {name: count for name, count in decoder.undecodable.items() if name in sole}
    wrong, right = sum(bad.values()), sum(decoder.decoded.values())
    if wrong <= DOUBTFUL * (wrong + right):
        return None
    return Noticed("copybook-doubtful",
                   f"{wrong:,} of {wrong + right:,} numbers in the first {len(first):,} records cannot be decoded",
                   "critical", wrong, "values", "Check that copybook, encoding and record format are this file's.",
                   {"fields": bad})  # fmt: skip
