"""Places as a test needs them: a folder, and servers of this machine on loopback."""

import hashlib

import pytest

from catalog.errors import FileRefused
from catalog.models import Dataset, Place, Source
from connectors import places
from evals.file_servers import SshServer, Store, WebServer

PLACE = Place(file="sources/drop.yaml", line=1)


class Drop:
    """A source of files, and what is delivered from it."""

    def __init__(self, folder, location="in"):
        self.folder, self.location, self.options = folder, location, {}
        (folder / "in").mkdir(exist_ok=True)

    def holds(self, name, content=b"a\n1\n"):
        path = self.folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def source(self, **habits):
        told = {"location": self.location, "kind": "csv", "options": self.options, **habits}
        return Source(name="drop", place=PLACE, **told)

    @staticmethod
    def dataset(pattern, **habits):
        return Dataset(name="things", version="1.0.0", title="", source="drop", physical_name=pattern, fields=(),
                       fingerprint="", place=PLACE, **habits)  # fmt: skip

    def found(self, pattern, **habits):
        return places.deliveries(self.source(**habits), self.dataset(pattern), folder=self.folder)

    def names(self, pattern, **habits):
        return [one.name for one in self.found(pattern, **habits)]

    def told(self, pattern, **habits):
        """What is in each file, or why it cannot be had, by its name."""
        return {one.name: content_of(one) for one in self.found(pattern, **habits)}

    def refusal(self, pattern, **habits):
        """Why the one file that a pattern finds cannot be had."""
        [told] = self.told(pattern, **habits).values()
        assert isinstance(told, str), "it is refused"
        return told


def content_of(delivery):
    """The bytes, or the refusal as a text of one line; the fingerprint says the same."""
    try:
        with delivery.fetched() as file:
            content = file.path.read_bytes()
    except FileRefused as error:
        with pytest.raises(FileRefused):
            delivery.fingerprint()
        assert "\n" not in str(error)
        return str(error)
    assert delivery.fingerprint() == hashlib.sha256(content).hexdigest()
    return content


@pytest.fixture
def drop(tmp_path):
    return Drop(tmp_path)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """An object store with the bucket `drops`."""
    if Store.program() is None:
        pytest.skip(Store.absent)
    server = Store(tmp_path_factory.mktemp("store"))
    try:
        server.files().mkdir("drops")
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def ssh(tmp_path_factory):
    server = SshServer(tmp_path_factory.mktemp("ssh"))
    yield server
    server.close()


@pytest.fixture
def web(tmp_path):
    (tmp_path / "web").mkdir()
    server = WebServer(tmp_path / "web")
    yield server
    server.close()


class Remote:
    """One server, and how files get onto it."""

    def __init__(self, server, folder, name):
        self.server, self.folder, self.name = server, folder, name

    def location(self, path=""):
        below = f"{self.name}/{path}" if path else f"{self.name}/"
        if isinstance(self.server, Store):
            return f"s3://drops/{below}"
        return f"{self.server.url}/{below}"

    @property
    def options(self):
        return {} if isinstance(self.server, WebServer) else {"storage": self.server.storage}

    def put(self, name, content):
        if isinstance(self.server, Store):
            self.server.files().pipe_file(f"drops/{self.name}/{name}", content)
            return
        path = self.server.root / self.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, name):
        if isinstance(self.server, Store):
            self.server.files().rm_file(f"drops/{self.name}/{name}")
        else:
            (self.server.root / self.name / name).unlink()


@pytest.fixture(params=["store", "ssh", "web"])
def remote(request, tmp_path, drop, monkeypatch):
    server = request.getfixturevalue(request.param)
    monkeypatch.setenv("TEST_STORE_SECRET", Store.secret)
    monkeypatch.setenv("TEST_DESK_PASSWORD", SshServer.password)
    told = Remote(server, tmp_path, f"t{abs(hash(request.node.name)) % 10**9}")
    drop.location, drop.options = told.location(), told.options
    return told
