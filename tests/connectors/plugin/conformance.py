"""The laws of `connectors.testing`, kept by `json_folder`."""

import json

import landbridge_json_folder
import pytest

from connectors.testing import ConnectorConformance, DoesNotApply, System


class Documents(System):
    kind, connector = "json_folder", landbridge_json_folder

    def put(self, columns, rows):
        if not rows:
            raise DoesNotApply("a folder without documents is one that is not mounted")
        self.vanish()
        for row in rows:
            values = {name: one if isinstance(one, str | int | float | None) else str(one) for name, one in row.items()}
            (self.folder / f"{row['id']:09}.json").write_text(json.dumps({"data": values}))

    def vanish(self):
        for path in self.folder.glob("*.json"):
            path.unlink()

    def spoil(self):
        (self.folder / "000000000.json").write_text("{")

    def location(self):
        return "."

    def options(self):
        return {"under": "data"}

    def physical_name(self):
        return "*.json"


class TestJsonFolder(ConnectorConformance):
    @pytest.fixture
    def system(self, tmp_path):
        return Documents(tmp_path)
