"""A second door for users of `dg`: a component whose only attribute is the project folder."""

from __future__ import annotations

import dagster as dg

from pipelines.factory import load_definitions


class LandbridgeProject(dg.Component, dg.Model, dg.Resolvable):
    """Definitions of the Landbridge project in `folder`."""

    folder: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The same definitions as `definitions_for`."""
        return load_definitions((context.path / self.folder).resolve())
