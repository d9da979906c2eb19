"""The laws that every connector keeps, as tests: make a subclass with a fixture `system`, and run pytest.

The laws ask the connector itself and nothing around it, so what they say is what its author can mend.
"""

from __future__ import annotations

import unittest
from collections.abc import Mapping
from typing import Any, ClassVar

from connectors.testing.batch_laws import BatchLaws
from connectors.testing.change_laws import ChangeLaws
from connectors.testing.cost_laws import CostLaws
from connectors.testing.fault_laws import FaultLaws
from connectors.testing.value_laws import ValueLaws


class ConnectorConformance(BatchLaws, ValueLaws, FaultLaws, CostLaws, ChangeLaws):
    """All laws. A subclass has a fixture `system` that gives a `connectors.testing.System`, filled by nobody yet.

    A law that a kind of source cannot keep is named in `does_not_apply`, with the reason; pytest shows it as skipped.
    """

    does_not_apply: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **known: Any) -> None:
        super().__init_subclass__(**known)
        unknown = [name for name in cls.does_not_apply if name not in laws()]
        if unknown:
            raise TypeError(f"{cls.__name__}.does_not_apply names '{unknown[0]}', which is no law")

    def setup_method(self, method: Any) -> None:
        """Skip what does not apply."""
        reason = self.does_not_apply.get(method.__name__)
        if reason is not None:
            raise unittest.SkipTest(reason)


def laws() -> list[str]:
    """The names of all laws."""
    return [name for name in dir(ConnectorConformance) if name.startswith("test_")]
