"""Turn whatever a reader of files fails with into one refusal that tells nothing of the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from catalog.errors import FileRefused, LandbridgeError
from catalog.faults import is_fault as is_fault
from catalog.faults import place_of as place_of


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
