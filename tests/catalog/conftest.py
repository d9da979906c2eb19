"""A tiny valid project, written to a temporary folder, that a test spoils in one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import ProjectError, load_project
from catalog.errors import Problem

PROJECT = """\
name: tiny
title: A tiny project
timeZone: Europe/Berlin
questions: ["Who flies where?"]
"""
SOURCE = """\
name: ops
kind: sql
location: sqlite:///ops.db
owner: ops-team
"""
REGISTRY = """\
name: registry
kind: fixed_width
location: exports
headerLines: 1
"""
PORTS = """\
apiVersion: v3.1.0
kind: DataContract
id: ports
name: ports
version: 1.0.0
status: active
schema:
  - name: ports
    physicalName: PORTS
    businessName: Ports
    properties:
      - {name: code, physicalName: CD, logicalType: string, primaryKey: true}
      - {name: city, logicalType: string, classification: public}
      - {name: height, logicalType: number}
customProperties:
  - {property: landbridge.source, value: ops}
"""
TRIPS = """\
apiVersion: v3.1.0
kind: DataContract
id: trips
name: trips
version: 1.0.0
status: active
domain: operations
description:
  purpose: Every trip.
  limitations: Two years only.
team: {name: ops-team}
roles:
  - {role: dispatcher, access: read}
schema:
  - name: trips
    physicalName: TRIPS
    dataGranularityDescription: One row is one trip.
    properties:
      - name: id
        physicalName: TRIP_NO
        logicalType: integer
        primaryKey: true
        required: true
      - name: port
        physicalName: PRT
        logicalType: string
        relationships:
          - to: ports.code
        logicalTypeOptions: {pattern: "[A-Z]{3}", maxLength: 3}
      - name: day
        logicalType: date
        logicalTypeOptions: {format: dd-MMM-yy, minimum: "2020-01-01"}
      - name: clock
        logicalType: time
        logicalTypeOptions: {format: HHmm}
      - name: left_at
        logicalType: timestamp
        customProperties:
          - property: landbridge.combine
            value: {date: day, time: clock, zone: America/New_York}
      - name: weight
        logicalType: number
        classification: confidential
        tags: [personal]
        customProperties:
          - {property: landbridge.nullValues, value: [NA, -999]}
          - {property: landbridge.unit, value: {source: lb, target: kg}}
        quality:
          - metric: nullValues
            mustBeLessThan: 5
            unit: percent
          - metric: invalidValues
            arguments: {minimum: 0, maximum: 1000}
            mustBe: 0
      - name: state
        logicalType: string
        enum: [{value: open}, {value: done}]
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0, name: enough}
      - type: custom
        engine: greatExpectations
        implementation:
          type: expect_column_pair_values_a_to_be_greater_than_b
          kwargs: {column_A: left_at, column_B: day}
slaProperties:
  - {property: freshness, value: 26, unit: h}
customProperties:
  - {property: landbridge.source, value: ops}
  - property: landbridge.keep
    value: {state: [open, done]}
  - property: landbridge.documents
    value:
      - name: trip
        title: "Trip {id}"
        text: "To {port}[[ ({city})]] with {weight|an unknown weight}. {known_gaps}"
        lookups:
          - {dataset: ports, on: {port: code}, fields: {city: city}}
      - name: port-summary
        title: "Port {port}"
        by: [port]
        onlyMissingIn: ports.code
        text: "{count} trips to {port}, and {all.count} in all."
        aggregates:
          - {name: count, function: count}
          - {name: heavy, function: max, field: weight}
        related:
          - name: all
            dataset: trips
            on: {port: port}
            aggregates: [{name: count, function: count}]
  - property: landbridge.gaps
    value:
      - {name: port-unknown, kind: missing_reference, fields: [port], to: [ports.code]}
      - {name: days-missing, kind: missing_period, field: day, every: 1d}
      - {name: weight-missing, kind: missing_value, field: weight, maxShare: 0.1}
      - name: registers-disagree
        kind: conflict
        with: ports
        on: {port: code}
        compare: [{field: weight, other: height, tolerance: 10}]
        systemOfRecord: ports
"""
RECORDS = """\
apiVersion: v3.1.0
kind: DataContract
id: records
name: records
version: 1.0.0
schema:
  - name: records
    physicalName: records.txt
    properties:
      - name: tail
        logicalType: string
        primaryKey: true
        customProperties:
          - {property: landbridge.position, value: {start: 1, length: 6}}
      - name: year
        logicalType: integer
        customProperties:
          - {property: landbridge.position, value: {start: 7, length: 4}}
customProperties:
  - {property: landbridge.source, value: registry}
"""
POLICY = """\
local: {clearance: restricted, roles: [dispatcher]}
principals:
  - {name: desk, clearance: internal, roles: [dispatcher], key: "${env:DESK_KEY}"}
"""
FILES = {
    "project.yaml": PROJECT,
    "sources/ops.yaml": SOURCE,
    "sources/registry.yaml": REGISTRY,
    "datasets/ports.odcs.yaml": PORTS,
    "datasets/trips.odcs.yaml": TRIPS,
    "datasets/records.odcs.yaml": RECORDS,
    "policies/people.yaml": POLICY,
}

Spoil = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The valid project."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def spoil(folder: Path) -> Spoil:
    """Replace text in a file of the project; the text must be there once at least."""

    def change(file: str, old: str, new: str) -> Path:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text, old
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return change


@pytest.fixture
def problems() -> Callable[[Path], tuple[Problem, ...]]:
    """Everything that is wrong with a project folder."""

    def told(folder: Path) -> tuple[Problem, ...]:
        with pytest.raises(ProjectError) as caught:
            load_project(folder)
        return caught.value.problems

    return told
