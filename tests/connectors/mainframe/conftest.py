from pathlib import Path

import pytest

from tests.connectors.mainframe.mainframe_files import Reader


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Reads bytes by a copybook: rows and notices."""
    return Reader(tmp_path)
