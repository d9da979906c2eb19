"""For tests: a connector whose rows stand in the source's own options, and the laws that every connector keeps.

`docs/connectors.md` tells how to use both.
"""

from connectors.testing.change_laws import INCREMENTAL_LAWS
from connectors.testing.conformance import ConnectorConformance
from connectors.testing.rows import RowsConnector, rows_source
from connectors.testing.system import DoesNotApply, Kind, System

__all__ = ["INCREMENTAL_LAWS", "ConnectorConformance", "DoesNotApply", "Kind", "RowsConnector", "System", "rows_source"]
