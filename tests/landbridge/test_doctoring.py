"""What the examination of a project tells of its embedding model."""

import json

import pytest

from landbridge.doctoring import examine


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"not_exported": "no such operator"}, "stubborn, on sentence-transformers: no such operator"),
        ({"not_exported": ""}, "stubborn, exported"),
        (None, "stubborn, prepared by the first run"),
    ],
)  # fmt: skip
def test_why_a_model_runs_slowly_is_told(shop, about, told):
    shop.write("project.yaml", {"name": "shop", "model": "stubborn"})
    if about is not None:
        folder = shop.site().home.models / "stubborn"
        folder.mkdir(parents=True)
        (folder / "about.json").write_text(json.dumps(about))
    (row,) = (row for row in examine(shop.folder) if row["what"] == "embedding model")
    assert (row["ok"], row["detail"]) == (True, told)
