"""Suggest gap rules that the rows already keep, or nearly keep, and that no contract declares yet."""

from expectations.suggesting.proposals import Suggestion as Suggestion
from expectations.suggesting.trying import rule_of as rule_of
from expectations.suggesting.trying import suggested as suggested
