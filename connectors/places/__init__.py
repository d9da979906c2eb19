"""The files behind a dataset, wherever they lie: a folder, an object store, a server, inside an archive.

`deliveries` lists them in reading order; a delivery is fetched to a local file when it is read, and only then.
`settled` leaves out what is still being written, and `again.plan` tells which of them have to be read at all.
"""

from __future__ import annotations

from connectors.places.delivery import Delivery
from connectors.places.finding import deliveries, lying
from connectors.places.settling import marked, settled, settled_after, still_written

__all__ = ["Delivery", "deliveries", "lying", "marked", "settled", "settled_after", "still_written"]
