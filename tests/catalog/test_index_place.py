"""The index lies in the home unless the environment says otherwise, and its secrets are shown nowhere."""

import pytest

from catalog.errors import ProjectError
from catalog.home import Home
from catalog.index_place import ObjectPlace

PREFIX = "LANDBRIDGE_INDEX"


@pytest.fixture
def environment(monkeypatch):
    def is_set(**told):
        for name in ("", "_ENDPOINT", "_REGION", "_KEY", "_SECRET", "_TOKEN", "_LEASE"):
            monkeypatch.delenv(PREFIX + name, raising=False)
        for name, value in told.items():
            monkeypatch.setenv(PREFIX + (f"_{name}" if name != "URI" else ""), value)

    return is_set


def test_the_index_lies_in_the_home(environment, tmp_path):
    environment()
    assert Home(tmp_path).index == tmp_path / "index"


def test_a_folder_elsewhere_is_taken(environment, tmp_path):
    environment(URI=str(tmp_path / "other"))
    assert Home(tmp_path / "home").index == (tmp_path / "other").resolve()


def test_an_object_store_is_taken_with_its_secrets_resolved_and_hidden(environment, tmp_path):
    (tmp_path / "word").write_text("hunter2\n")
    environment(URI="s3://bucket/deep/prefix/", KEY="me", SECRET="${file:word}", ENDPOINT="http://x:1", LEASE="30")
    place = Home(tmp_path).index
    assert isinstance(place, ObjectPlace)
    assert (place.uri, place.bucket, place.prefix) == ("s3://bucket/deep/prefix", "bucket", "deep/prefix")
    assert (place.secret.get_secret_value(), place.lease) == ("hunter2", 30)
    assert "hunter2" not in repr(place)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"URI": "gs://bucket/prefix"}, "LANDBRIDGE_INDEX:"),
        ({"URI": "s3://bucket"}, "LANDBRIDGE_INDEX:"),
        ({"URI": "s3:///prefix"}, "LANDBRIDGE_INDEX:"),
        ({"URI": "s3://bucket/prefix", "KEY": "me"}, "LANDBRIDGE_INDEX_KEY:.*LANDBRIDGE_INDEX_SECRET"),
        ({"URI": "s3://bucket/prefix", "SECRET": "hunter2"}, "LANDBRIDGE_INDEX_SECRET:.*LANDBRIDGE_INDEX_KEY"),
        ({"URI": "s3://bucket/prefix", "LEASE": "1"}, "LANDBRIDGE_INDEX_LEASE:"),
    ],
)
def test_a_place_that_makes_no_sense_names_the_variable_and_no_secret(environment, tmp_path, told, named):
    environment(**told)
    with pytest.raises(ProjectError, match=named) as error:
        Home(tmp_path).index  # noqa: B018  # asking is the act
    assert "hunter2" not in str(error.value)
