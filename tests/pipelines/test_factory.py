"""The asset graph a project becomes: keys, dependencies, groups, owners, checks, schedule, sensor."""

import json
import os
from pathlib import Path

import dagster as dg

from catalog import load_project
from pipelines.factory import definitions_for

GOLDEN = Path(__file__).parent / "golden" / "asset_graph.json"


def _graph(definitions):
    assets = {
        spec.key.to_user_string(): {
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "group": spec.group_name,
            "domain": spec.tags.get("landbridge/domain"),
            "owners": list(spec.owners),
            "kinds": sorted(spec.kinds),
        }
        for spec in definitions.resolve_all_asset_specs()
    }
    checks = sorted(
        f"{key.asset_key.to_user_string()}: {key.name}" for key in definitions.resolve_asset_graph().asset_check_keys
    )
    schedule = definitions.resolve_schedule_def("nightly")
    sensor = definitions.get_sensor_def("dropped_files")
    return {
        "assets": assets,
        "checks": checks,
        "schedule": {"cron": schedule.cron_schedule, "on": schedule.default_status == dg.DefaultScheduleStatus.RUNNING},
        "sensor": {"name": sensor.name, "on": sensor.default_status == dg.DefaultSensorStatus.RUNNING},
    }


def test_the_asset_graph_of_a_project_is_what_was_agreed(shop):
    graph = _graph(definitions_for(load_project(shop.folder)))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(graph, indent=1, sort_keys=True) + "\n")
    assert graph == json.loads(GOLDEN.read_text())


def test_definitions_are_a_pure_function_of_the_project(shop):
    project = load_project(shop.folder)
    assert _graph(definitions_for(project)) == _graph(definitions_for(project))
    assert not (shop.folder / ".landbridge").exists()


def test_the_definitions_are_loadable_by_dagster(shop):
    dg.Definitions.validate_loadable(definitions_for(load_project(shop.folder)))


def test_the_component_gives_the_same_graph(shop):
    from pipelines.component import LandbridgeProject

    component = LandbridgeProject(folder=str(shop.folder))
    context = dg.ComponentTree.for_test().load_context
    assert _graph(component.build_defs(context)) == _graph(definitions_for(load_project(shop.folder)))


def test_all_sources_are_read_before_anything_else_so_that_they_are_kept_open_shortly(shop):
    from catalog import load_project
    from pipelines import factory
    from pipelines.instance import dagster_environment

    project = load_project(shop.folder)
    os.environ.update(dagster_environment(shop.site().home, project.folder))
    result = factory.definitions_for(project).resolve_job_def(factory.REFRESH).execute_in_process()
    order = [event.step_key for event in result.all_events if event.is_step_start]
    assert sorted(order[:2]) == ["raw__customers", "raw__orders"]
