"""The datasets as a caller may know them: fields, counts, age and open findings, from the contract and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from catalog.models import Dataset, Field, Principal
from ledger import Account, Finding
from serving.freshness import age_of
from serving.models import DatasetSummary, FieldSummary, RowCounts, level_name
from serving.visibility import visible_fields


def summarize(
    dataset: Dataset,
    *,
    principal: Principal,
    account: Account | None,
    findings: Sequence[Finding],
    reads: Mapping[str, datetime],
    now: datetime,
) -> DatasetSummary:
    """One dataset, its fields cut to what `principal` may see."""
    seen = visible_fields(principal, dataset)
    age = age_of(dataset, reads, now)
    return DatasetSummary(
        name=dataset.name,
        title=dataset.title,
        description=dataset.description,
        domain=dataset.domain,
        owner=dataset.owner,
        source=dataset.source,
        fields=tuple(_field(field) for field in seen),
        withheld_fields=len(dataset.fields) - len(seen),
        rows=account and RowCounts.model_validate(account, from_attributes=True),
        documents=account.documents if account else 0,
        as_of=age.as_of,
        age_seconds=age.age_seconds,
        promised_seconds=dataset.freshness and dataset.freshness.total_seconds(),
        fresh=age.fresh,
        open_findings=sum(finding.dataset == dataset.name for finding in findings),
    )


def _field(field: Field) -> FieldSummary:
    return FieldSummary(
        name=field.name,
        type=field.type,
        title=field.title,
        description=field.description,
        classification=level_name(field.classification),
        key=field.key_position is not None,
        personal=field.personal,
        mask=field.mask,
    )
