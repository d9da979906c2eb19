"""Records of several kinds in one file: which segment each is of, and ids that tie children to parents.

Options and generated columns follow Cobrix: `segment_field`, `redefine_segment_id_map`, `segment_filter`, and
`segment_id_level0..n` with the columns `Seg_Id0..n`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from connectors.formats.mainframe.framing import Offsets
from connectors.formats.mainframe.layout import Layout
from connectors.formats.mainframe.options import Options
from connectors.formats.mainframe.reading import Decoder, Rows
from connectors.formats.mainframe.records import Records

OTHERS = ("_", "*")  # a level of all segments that no level before it names
NO_SEGMENT = -1

Numbers = npt.NDArray[np.int32]


def segment_ids(records: Records, layout: Layout, decoder: Decoder) -> pl.Series:
    """The segment id of each record, as text without blanks around; empty where there is none."""
    node = layout.elementary(decoder.options.segment_field)
    rows = Rows(records.buffer, records.starts, records.ends)
    values = decoder.uncounted().values(node, rows, node.offset)
    return values.cast(pl.String).str.strip_chars().fill_null("")


def segment_numbers(ids: pl.Series, options: Options) -> Numbers:
    """Which group of `redefine_segment_id_map` each record holds, NO_SEGMENT where none."""
    names = {ident: number for number, group in enumerate(options.redefine_segment_id_map.values()) for ident in group}
    if not names:
        return np.full(len(ids), NO_SEGMENT, np.int32)
    told = ids.replace_strict(list(names), list(names.values()), default=NO_SEGMENT, return_dtype=pl.Int32)
    return told.to_numpy()


def kept_by_filter(ids: pl.Series, options: Options) -> pl.Series:
    """Which records the filter lets through."""
    return ids.is_in(list(options.segment_filter)) if options.segment_filter else pl.repeat(True, len(ids), eager=True)


@dataclass
class SegmentIds:
    """Generates `Seg_Id0..n`: the root's id (prefix, file, record number), and for deeper levels a running number."""

    options: Options
    _root: str | None = None
    _level: int = -1
    _counts: list[int] = field(default_factory=list)

    def columns(self, ids: pl.Series, records: Records) -> list[pl.Series]:
        """The columns for one portion; they go on where the last portion ended."""
        depth = len(self.options.segment_id_levels)
        if not depth:
            return []
        self._counts = self._counts or [0] * depth
        level = self._levels(ids)
        root = pl.Series(np.where(level == 0, records.ids, -1))
        prefix = f"{self.options.segment_id_prefix}_{self.options.file_id}_"
        named = pl.select(pl.when(root >= 0).then(pl.lit(prefix) + root.cast(pl.String))).to_series()
        roots = named.forward_fill().fill_null(self._root) if self._root is not None else named.forward_fill()
        reached = _filled_forward(level, self._level)
        columns = [self._column(roots, level, reached, number) for number in range(depth)]
        if len(ids):
            self._root, self._level = roots[-1], int(reached[-1])
        return columns

    def _levels(self, ids: pl.Series) -> Offsets:
        """The level of each record, -1 where it has none."""
        told = np.full(len(ids), -1, np.int64)
        for number, names in enumerate(self.options.segment_id_levels):
            all_others = any(name in OTHERS for name in names)
            fits = np.ones(len(ids), np.bool_) if all_others else ids.is_in(list(names)).to_numpy()
            told[fits & (told < 0)] = number
        return told

    def _column(self, roots: pl.Series, level: Offsets, reached: Offsets, number: int) -> pl.Series:
        name = f"Seg_Id{number}"
        shown = pl.Series(reached >= number)
        if number == 0:
            return pl.select(pl.when(shown).then(roots)).to_series().alias(name)
        running = self._running(level, number)
        text = pl.select(roots + f"_L{number}_" + pl.Series(running).cast(pl.String)).to_series()
        return pl.select(pl.when(shown).then(text)).to_series().alias(name)

    def _running(self, level: Offsets, number: int) -> Offsets:
        """How many records of a level there were since the last root."""
        seen = np.cumsum(level == number) + self._counts[number]
        at_root = np.where(level == 0, seen, 0)
        base = np.maximum.accumulate(at_root) if len(level) else at_root
        running = seen - base
        if len(running):
            self._counts[number] = int(running[-1])
        return running


def _filled_forward(level: Offsets, before: int) -> Offsets:
    """Each record's level, or that of the last record that has one."""
    if not len(level):
        return level
    last = np.maximum.accumulate(np.where(level >= 0, np.arange(len(level)), -1))
    return np.where(last >= 0, level[np.maximum(last, 0)], before)
