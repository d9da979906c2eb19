"""Keys and references: declared ones first, then what names and values suggest."""

from connectors.discovering.keys import declared_key, found_key
from connectors.discovering.profiles import Reference, SystemProfile
from connectors.discovering.relating import with_suggestions


def numbers(column, name, *values):
    return column(name, "integer", "integer", *values)


def test_the_primary_key_counts_first(table, column):
    one = table("t", numbers(column, "a", 1, 2), numbers(column, "b", 1, 2), key=("b",), uniques=(("a",),))
    assert declared_key(one) == ("b",)


def test_without_one_a_unique_set_is_the_key_unless_it_has_holes(table, column):
    full, holes = numbers(column, "a", 1, 2), numbers(column, "b", 1, None)
    assert declared_key(table("t", full, holes, uniques=(("b",), ("a",)))) == ("a",)
    assert declared_key(table("t", full, holes, uniques=(("b",),))) == ()


def test_a_unique_column_called_like_a_key_is_found(column):
    values = {"price": (1, 2, 3), "article_id": (7, 8, 9)}
    columns = [numbers(column, name, *told) for name, told in values.items()]
    assert found_key(values, columns, "articles") == ("article_id",)


def test_two_columns_together_are_found_and_stand_in_their_order(column):
    values = {"day": (1, 1, 2), "amount": (5, 5, 5), "shop": (1, 2, 1)}
    columns = [numbers(column, name, *told) for name, told in values.items()]
    assert found_key(values, columns, "sales") == ("day", "shop")


def test_doubled_rows_have_no_key(column):
    values = {"a": (1, 1), "b": (2, 2)}
    columns = [numbers(column, name, *told) for name, told in values.items()]
    assert found_key(values, columns, "t") == ()


def _system(table, column, child, *values, parent="customers", key="id", name="orders"):
    parents = table(parent, numbers(column, key, 1, 2, 3), key=(key,))
    children = table(name, numbers(column, "no", *range(len(values))), numbers(column, child, *values), key=("no",))
    return SystemProfile(tables=(parents, children))


def _suggested(system, present=(1, 2, 3)):
    held = lambda _table, _column, values: len(set(values) & set(present))  # noqa: E731
    return [
        (table.name, reference.columns, reference.table, reference.to_columns)
        for table in with_suggestions(system, held).tables
        for reference in table.references
        if reference.evidence
    ]


def test_a_column_called_after_a_table_and_its_key_refers_to_it(table, column):
    system = _system(table, column, "customer_id", 1, 2, 1)
    assert _suggested(system) == [("orders", ("customer_id",), "customers", ("id",))]


def test_a_value_that_is_not_there_makes_it_no_reference(table, column):
    assert _suggested(_system(table, column, "customer_id", 1, 2, 9)) == []


def test_another_name_is_no_reference_even_where_all_values_fit(table, column):
    assert _suggested(_system(table, column, "quantity", 1, 2, 1)) == []


def test_a_manager_is_in_the_same_table(table, column):
    staff = table("staff", numbers(column, "id", 1, 2, 3), numbers(column, "manager_id", None, 1, 2), key=("id",))
    assert _suggested(SystemProfile(tables=(staff,))) == [("staff", ("manager_id",), "staff", ("id",))]


def test_a_declared_reference_is_not_suggested_again(table, column):
    system = _system(table, column, "customer_id", 1, 2, 1)
    parents, children = system.tables
    told = children.model_copy(
        update={"references": (Reference(columns=("customer_id",), table="customers", to_columns=("id",)),)}
    )
    assert _suggested(SystemProfile(tables=(parents, told))) == []


def test_two_tables_that_fit_as_well_as_each_other_are_no_suggestion(table, column):
    first = table("node", numbers(column, "site_code", 1, 2, 3), key=("site_code",))
    second = table("mast", numbers(column, "site_code", 1, 2, 3), key=("site_code",))
    child = table("reading", numbers(column, "id", 1, 2, 3), numbers(column, "site_code", 1, 2, 1), key=("id",))
    assert _suggested(SystemProfile(tables=(first, second, child))) == []
