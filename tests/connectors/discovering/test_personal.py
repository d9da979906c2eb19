"""Personal data: found by name and by value, and in doubt the stricter guess."""

import pytest

from connectors.discovering.kinds import settled
from connectors.discovering.personal import about_persons, is_card, is_iban, personal


def guessed(table, column, **told):
    found = personal(column, table, settled(column).type, **told)
    return found and (found.kind.name, found.mask)


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("FirstName", "redact"), ("LAST_NAME", "redact"), ("contact_name", "redact"), ("Vorname", "redact"),
        ("e_mail", "pseudonym"), ("EmailAddress", "pseudonym"), ("work_email", "pseudonym"), ("HomePhone", "last4"),
        ("phone_number", "last4"), ("TELEFON", "last4"), ("shipping_address", "redact"), ("AddressLine1", "redact"),
        ("strasse", "redact"), ("iban", "last4"), ("credit_card_number", "last4"), ("ssn", "pseudonym"),
        ("steuernummer", "pseudonym"), ("password_hash", "drop"), ("created_by", "pseudonym"), ("gender", "redact"),
    ],
)  # fmt: skip
def test_a_name_says_what_it_holds(table, column, name, mask):
    one = column(name, "varchar(40)", "string", "abc", "def")
    assert guessed(table("things", one), one)[1] == mask


@pytest.mark.parametrize(
    "name",
    ["AlbumId", "title", "city", "country", "company_name", "product_name", "email_verified", "phone_type",
     "address_id",
     "file_name", "host_name", "status", "quantity", "region", "composer", "category_name"],
)  # fmt: skip
def test_other_columns_stay_open(table, column, name):
    one = column(name, "varchar(40)", "string", "abc", "def")
    assert guessed(table("things", one), one) is None


def test_a_date_of_birth_keeps_its_year(table, column):
    one = column("BirthDate", "date", "date", "1962-02-18")
    assert guessed(table("staff", one), one) == ("a date of birth", "year")


def test_a_plain_name_is_personal_only_where_rows_are_persons(table, column):
    one = column("name", "text", "string", "abc", "def")
    assert guessed(table("patients", one), one) == ("the name of a person", "redact")
    assert guessed(table("genres", one), one) is None


def test_a_table_with_first_names_is_about_persons_whatever_it_is_called(table, column):
    assert about_persons(table("t_4711", column("FNAME", "text", "string", "a")))
    assert not about_persons(table("t_4711", column("price", "numeric", "number", 1)))


def test_the_address_of_a_place_is_nobodys(table, column):
    one = column("address", "text", "string", "Dock 5", "Gate 7")
    assert guessed(table("warehouses", one), one) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("first@example.org", "second@example.org"), "an e-mail address"),
        (("+49 30 1234567", "+1 (780) 428-9482"), "a phone number"),
        (("DE89370400440532013000", "GB82 WEST 1234 5698 7654 32"), "a bank account"),
        (("4111 1111 1111 1111", "5500005555555559"), "a card number"),
        (("10.0.0.1", "192.168.0.7"), "a network address of a person"),
        (("123-45-6789", "321-54-9876"), "a tax, social security or identity number"),
        (("12 Elm Street", "7 High Road"), "a postal address"),
    ],
)
def test_values_say_what_a_name_hides(table, column, values, kind):
    one = column("field7", "varchar(60)", "string", *values)
    assert guessed(table("t1", one), one)[0] == kind


def test_free_text_that_quotes_addresses_is_redacted(table, column):
    texts = [f"call {n}" for n in range(20)] + ["write to first@example.org please"]
    one = column("reason", "text", "string", *texts)
    assert guessed(table("tickets", one), one) == ("free text about a person", "redact")


def test_a_key_that_is_personal_becomes_a_pseudonym_and_a_counting_key_stays(table, column):
    mail = column("email", "varchar(60)", "string", "first@example.org", "second@example.org")
    assert guessed(table("users", mail), mail, keyed=True) == ("an e-mail address", "pseudonym")
    number = column("phone", "integer", "integer", 1, 2)
    assert guessed(table("users", number), number, keyed=True) is None


def test_a_truth_about_an_address_is_no_address(table, column):
    one = column("email", "boolean", "boolean", True, False)
    assert guessed(table("users", one), one) is None


def test_check_digits_are_checked():
    assert is_iban("DE89370400440532013000")
    assert not is_iban("DE89370400440532013001")
    assert is_card("4111111111111111")
    assert not is_card("4111111111111112")


def test_the_reason_is_told(table, column):
    one = column("mail", "text", "string", "first@example.org", "second@example.org", "none")
    found = personal(one, table("users", one), "string")
    assert found.evidence == "its name and 2 of 3 different values"
