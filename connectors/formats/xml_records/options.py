"""What may be declared about XML documents."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.formats.tables import FormatOptions


class Options(FormatOptions):
    """What may be declared about XML documents.

    `record` is the path of the record element: `/root/orders/order`, or its last steps. `fields` maps column names to
    paths below it; without it every path is a column. `lists` names columns that are lists, also in files where the
    element stands once. `namespaces` maps prefixes to namespaces, for paths and names. `encoding` overrides what the
    document declares.
    """

    record: str = ""
    fields: Mapping[str, str] = {}
    lists: tuple[str, ...] = ()
    namespaces: Mapping[str, str] = {}
    encoding: str = ""
