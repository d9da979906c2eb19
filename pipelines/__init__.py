"""Run the stages in order: normalization here, everything else called from the rooms below, Dagster as the conductor.

Importing this package loads nothing heavy; `pipelines.factory` loads Dagster, `pipelines.stages` loads Polars.
"""
