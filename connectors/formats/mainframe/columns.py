"""The columns that records of a layout become: their types, and what the copybook declared them to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from connectors.formats.mainframe.copybook.items import column_name
from connectors.formats.mainframe.layout import Layout, Node
from connectors.formats.mainframe.options import Options


def schema_of(layout: Layout, options: Options) -> pl.Schema:
    """All columns in order, the generated ones first."""
    told = _generated(options)
    for node in layout.columns:
        told[node.name] = _typed(node, layout, options)
    return pl.Schema(told)


def declared_of(layout: Layout, options: Options) -> dict[str, str]:
    """Each column's type in the copybook's words."""
    told = dict.fromkeys(_generated(options), "generated")
    told |= {node.name: _worded(node) for node in layout.columns}
    return told


def _generated(options: Options) -> dict[str, pl.DataType]:
    """The columns that no copybook declares."""
    told: dict[str, pl.DataType] = {}
    if options.generate_record_id:
        told |= {"File_Id": pl.Int32(), "Record_Id": pl.Int64(), "Record_Byte_Length": pl.Int32()}
    if options.generate_record_bytes:
        told["Record_Bytes"] = pl.Binary()
    told |= {f"Seg_Id{level}": pl.String() for level in range(len(options.segment_id_levels))}
    return told


def _typed(node: Node, layout: Layout, options: Options) -> pl.DataType:
    """A node's type: of its elements as a list, of its fields as a struct."""
    kind = _elementary(node, options) if node.field is not None else _structured(node, layout, options)
    return pl.List(kind) if node.item.occurs is not None else kind


def _elementary(node: Node, options: Options) -> pl.DataType:
    from connectors.formats.mainframe.decoding import dtype_of

    if node.raw or node.field is None:
        return pl.Binary()
    kind = dtype_of(node.field)
    return pl.Decimal(38, 0) if options.strict_integral_precision and kind.is_integer() else kind


def _structured(node: Node, layout: Layout, options: Options) -> pl.DataType:
    fields = [pl.Field(child.name, _typed(child, layout, options)) for child in _kept(node.children)]
    for child in children_of(node, layout, options):
        fields.append(pl.Field(child.name, pl.List(_structured(child, layout, options))))
    return pl.Struct(fields)


def _kept(nodes: Sequence[Node]) -> list[Node]:
    return [node for node in nodes if node.kept and not node.parent]


def children_of(node: Node, layout: Layout, options: Options) -> list[Node]:
    """The segments whose records belong to those of a segment, in the order they were declared."""
    if not node.segment:
        return []
    groups: Mapping[str, Node] = {below.item.name.upper(): below for below in layout.all() if below.segment}
    for parent, names in options.segment_children.items():
        if column_name(parent).upper() == node.item.name.upper():
            return [groups[column_name(name).upper()] for name in names]
    return []


def _worded(node: Node) -> str:
    """A node as the copybook declares it."""
    table = f" OCCURS {node.item.occurs}" if node.item.occurs is not None else ""
    if node.field is None:
        return f"group{table}"
    picture = f"PIC {node.item.picture} " if node.item.picture else ""
    return f"{picture}{node.field.usage}{table}"
