"""The harbour and its doors, as fixtures."""

import pytest
from starlette.testclient import TestClient

from tests.serving.harbour import KEYS, bearer, harbour_at, running, visit


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    for name in ("LANDBRIDGE_HOME", "LANDBRIDGE_LEDGER_URL", "LANDBRIDGE_MASK_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, key in KEYS.items():
        monkeypatch.setenv(f"HARBOUR_{name.upper()}_KEY", key)


@pytest.fixture(scope="session")
def harbour(tmp_path_factory):
    built = harbour_at(tmp_path_factory.mktemp("harbour"))
    built.publish()
    built.fill()
    return built


@pytest.fixture
def empty_harbour(tmp_path):
    return harbour_at(tmp_path)


@pytest.fixture
def web(harbour):
    with TestClient(harbour.app(), base_url="http://127.0.0.1:8787") as client:
        yield client


@pytest.fixture(scope="session")
def live(harbour):
    with pytest.MonkeyPatch.context() as patch:
        for name, key in KEYS.items():
            patch.setenv(f"HARBOUR_{name.upper()}_KEY", key)
        app = harbour.app()
    with running(app) as address:
        yield address


@pytest.fixture
def agent(live):
    """Call one tool as a caller: agent(name, tool, arguments)."""

    def call(name, tool, arguments=None, *, mode="auto", headers=None):
        async def work(client):
            return await client.call_tool(tool, arguments or {})

        return visit(live, work, headers=bearer(name) if headers is None else headers, mode=mode)

    return call
