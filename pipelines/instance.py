"""Give Dagster a home that keeps history: DAGSTER_HOME inside the project's home, with our dagster.yaml in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from catalog.home import Home

_BESIDE = Path(__file__).resolve().parent.parent / "dagster.yaml"
_PACKAGED = Path(__file__).resolve().parent.parent / "landbridge" / "dagster.yaml"


def dagster_environment(home: Home, project_folder: Path) -> dict[str, str]:
    """Environment variables under which Dagster keeps this project's history and finds its definitions.

    A DAGSTER_HOME that is already set is respected; otherwise the instance file is copied into the project's home.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    folder = Path(chosen) if chosen else home.dagster
    folder.mkdir(parents=True, exist_ok=True)
    if not chosen and not (folder / "dagster.yaml").exists():
        shutil.copyfile(_BESIDE if _BESIDE.exists() else _PACKAGED, folder / "dagster.yaml")
    return {
        "DAGSTER_HOME": str(folder),
        "LANDBRIDGE_PROJECT": str(project_folder.resolve()),
        "LANDBRIDGE_HOME": str(home.folder),
        "HF_HUB_OFFLINE": "1",
    }
