"""Find the records of two systems, or of one, that are the same thing, and keep the evidence and the way back."""

from expectations.linking.matching import Links, duplicates, link
from expectations.linking.plans import BlockingKey, Comparison, LinkPlan
from expectations.linking.suggesting import suggested

__all__ = ["BlockingKey", "Comparison", "LinkPlan", "Links", "duplicates", "link", "suggested"]
