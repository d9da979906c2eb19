"""Pull a dataset in a process that kills itself at one moment, as a lost machine would: no `finally` of it runs.

`python -m evals.dying PROJECT DATASET MODULE:FUNCTION WHEN COUNT` ends with SIGKILL `before` or `after` the function's
call number COUNT. Where it is called less often, the pull ends well.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.site import Site
from pipelines.stages.raw import pull


def deadly(place: str, when: str, count: int) -> None:
    """Replace a function by one that ends this process at its call number `count`."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    real, calls = getattr(owner, name), iter(range(1, sys.maxsize))

    def dying(*words: Any, **named: Any) -> Any:
        last = next(calls) == count
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        told = real(*words, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return told

    setattr(owner, name, dying)


def main() -> None:
    """Pull, and die at the place the words name."""
    project, dataset, place, when, count = sys.argv[1:]
    deadly(place, when, int(count))
    pull(Site.open(Path(project)), dataset, run_id="dying")


if __name__ == "__main__":
    main()
