"""The stages of a run as plain functions of a site and a dataset; everybody calls the same ones."""

from pipelines.stages.gaps import Known, find_gaps
from pipelines.stages.indexed import Indexed, make_indexed, verify_indexed
from pipelines.stages.raw import Raw, pull
from pipelines.stages.ready import Ready, make_ready

__all__ = ["Indexed", "Known", "Raw", "Ready", "find_gaps", "make_indexed", "make_ready", "pull", "verify_indexed"]
