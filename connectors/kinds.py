"""Findings about how a source declares its kind: options nobody knows, and a name that two claim."""

from __future__ import annotations

from typing import Any

from catalog.models import FILE_KINDS, SOURCE_KINDS, Dataset, Source
from connectors.plugins import shadows
from ledger.models import Finding


def kind_findings(connector: Any, source: Source, dataset: Dataset) -> list[Finding]:
    """See `connectors.kind_findings`. `dataset` is the one under which the findings are told."""
    owner = source.owner or dataset.owner
    if source.kind in FILE_KINDS:
        faults, others = connector.option_faults(source, dataset), shadows(source.kind)
    elif source.kind in SOURCE_KINDS:
        faults = [f"the kind '{source.kind}' takes no options, so '{name}' does nothing" for name in source.options]
        others = shadows(source.kind)
    else:
        faults, others = connector.option_faults(source, dataset), []
    findings = []
    if faults:
        findings.append(Finding(
            rule=f"source-options/{source.name}", dataset=dataset.name, stage="raw", severity="critical",
            count=len(faults), unit="options", owner=owner, evidence={"options": sorted(map(str, source.options))},
            message=f"Options of source '{source.name}': {'; '.join(one.rstrip('.') for one in faults)}.",
            remedy=f"Correct `options` in {source.place.file}.",
        ))  # fmt: skip
    if others:
        findings.append(Finding(
            rule=f"kind-claimed/{source.kind}", dataset=dataset.name, stage="raw", severity="info", count=len(others),
            unit="distributions", owner=owner, evidence={"distributions": others},
            message=f"{' and '.join(others)} offers a connector '{source.kind}' too; the built-in one reads.",
            remedy="Ask its author for another name, or uninstall it.",
        ))  # fmt: skip
    return findings
