"""The code location Dagster loads: the project that LANDBRIDGE_PROJECT names, else the one in the current folder."""

from __future__ import annotations

import os

from pipelines.factory import load_definitions

defs = load_definitions(os.environ.get("LANDBRIDGE_PROJECT", "."))
