"""Tell a fault of a plug-in's code from a wish to stop, and where it was raised."""

from __future__ import annotations

from pathlib import Path


def is_fault(error: BaseException) -> bool:
    """Whether it is an error, or a panic of an extension in Rust, which is no Exception; not a wish to stop."""
    return isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime"


def place_of(error: BaseException) -> str:
    """File and line where it was raised: what an author needs, and no value of a row."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
