"""What a person reads of a finding's evidence."""

from landbridge.evidence import evidence_lines


def test_rows_stand_one_to_a_line_with_their_key_first_and_not_twice():
    rows = [{"_key": f"K{n}", "code": f"K{n}", "ours": n, "theirs": 0.5, "empty": None} for n in range(1, 6)]
    assert list(evidence_lines({"rows": rows})) == [
        "for example:",
        "  K1: ours 1, theirs 0.5",
        "  K2: ours 2, theirs 0.5",
        "  K3: ours 3, theirs 0.5",
        "  and 2 more",
    ]


def test_a_register_that_knows_the_missing_keys_is_told_with_what_it_says():
    known = {
        "facilities.code": {"count": 2, "of": 3, "keys": ["SJU", "BQN"], "says": [{"_key": "SJU", "city": "San Juan"}]}
    }
    assert list(evidence_lines({"known_elsewhere": known})) == [
        "known elsewhere, facilities.code: 2 of 3: SJU, BQN", "  SJU: city San Juan"
    ]  # fmt: skip
    absent = {"facilities.code": {"unknown": "there are no ready rows"}}
    assert list(evidence_lines({"known_elsewhere": absent})) == [
        "known elsewhere, facilities.code: unknown there are no ready rows"
    ]


def test_missing_values_are_told_by_segment_and_periods_as_ranges():
    by = {"station": [{"value": "LGA", "missing": 1963, "rows": 8706}, {"value": "EWR", "missing": 5, "rows": 10}]}
    ranges = [{"from": "05:00", "to": "05:00", "periods": 1}, {"from": "07:00", "to": "09:00", "periods": 3}]
    assert list(evidence_lines({"by": by, "groups": [{"group": "JFK", "missing": 4, "ranges": ranges}]})) == [
        "missing by station: LGA 1,963 of 8,706, EWR 5 of 10",
        "where:",
        "  JFK: missing 4, ranges 05:00, 07:00 to 09:00",
    ]  # fmt: skip


def test_what_is_zero_empty_or_said_already_takes_no_line():
    told = {"field": "x", "share": 0.5, "value_only_in": {"a": 0, "b": 0}, "rows": [], "system_of_record": None}
    assert list(evidence_lines(told)) == []


def test_keys_that_come_once_each_are_not_counted():
    assert list(evidence_lines({"top_keys": [{"key": "A", "rows": 1}]})) == []
    assert list(evidence_lines({"top_keys": [{"key": "A", "rows": 2000}, {"key": "B", "rows": 1}]})) == [
        "most often: A (2,000), B (1)"
    ]
