"""Which other datasets a dataset's documents tell of."""

from __future__ import annotations

from catalog.models import Dataset, DocumentTemplate


def related(dataset: Dataset) -> set[str]:
    """Other datasets whose rows this dataset's documents tell."""
    return {name for template in dataset.documents for name in borrowed_by(template)} - {dataset.name}


def borrowed_by(template: DocumentTemplate) -> set[str]:
    """The datasets that one template reads besides its own; its own is among them where it looks up in itself."""
    names = {lookup.dataset for lookup in template.lookups}
    names |= {relation.dataset for relation in template.related}
    names |= {lookup.dataset for relation in template.related for lookup in relation.lookups}
    names |= {children.dataset for children in template.children}
    names |= {lookup.dataset for children in template.children for lookup in children.lookups}
    return names | ({template.only_missing_in[0]} if template.only_missing_in else set())
