"""Tell a fault of code that reads from a wish to stop, and where it was raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import FileRefused, LandbridgeError


def is_fault(error: BaseException) -> bool:
    """Whether it is an error, or a panic of an extension in Rust, which is no Exception; not a wish to stop."""
    return isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime"


def place_of(error: BaseException) -> str:
    """File and line where it was raised: what an author needs, and no value of a row."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""


@contextmanager
def guarded() -> Iterator[None]:
    """Whatever a reader of files fails with is a FileRefused that names the fault, and holds no value of the file.

    It is raised outside of the handler: a chained error would show what its text holds.
    """
    try:
        yield
    except LandbridgeError:
        raise
    except ImportError as error:
        fault = FileRefused(f"its reader needs the package '{error.name}', which is not installed", "Install it.")
    except MemoryError:
        fault = FileRefused("it needs more memory than there is", "Split it, or ask for another format.")
    except BaseException as error:
        if not is_fault(error):
            raise
        told = f"its reader failed with {type(error).__name__}{place_of(error)}"
        fault = FileRefused(told, "Report it, with the file if it may be shared; the other files go on.")
    else:
        return
    raise fault
