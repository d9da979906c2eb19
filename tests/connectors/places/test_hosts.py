"""No location, redirect or name server leads to a host that may not be asked."""

import pytest

from catalog.errors import FileRefused, SourceUnreachable
from connectors.places.hosts import HostRule, refuse_address


@pytest.fixture
def allowed(monkeypatch):
    return lambda names: monkeypatch.setenv("LANDBRIDGE_ALLOWED_HOSTS", names)


def test_the_host_that_a_source_names_is_allowed_and_no_other():
    rule = HostRule.naming("https", "files.example.org", None)
    rule.refuse("https", "FILES.example.org.", 443)
    for host in ("example.org", "a.files.example.org", "files.example.org.evil.net"):
        with pytest.raises(FileRefused, match="leads to another host"):
            rule.refuse("https", host, 443)
    with pytest.raises(FileRefused, match="another host"):
        rule.refuse("https", "files.example.org", 8443)


def test_a_source_may_move_from_http_to_https_and_not_back():
    HostRule.naming("http", "h", None).refuse("https", "h", 443)
    with pytest.raises(FileRefused, match="from https to http"):
        HostRule.naming("https", "h", None).refuse("http", "h", 80)


def test_a_list_of_hosts_counts_for_all_sources(allowed):
    allowed("files.example.org, *.example.net")
    rule = HostRule.naming("https", "files.example.org", None)
    rule.refuse("https", "a.b.example.net", 8443)
    for host in ("example.net", "evilexample.net", "other.example.org"):
        with pytest.raises(FileRefused, match="LANDBRIDGE_ALLOWED_HOSTS"):
            rule.refuse("https", host)
    with pytest.raises(FileRefused, match=r"'elsewhere\.org' is not in LANDBRIDGE_ALLOWED_HOSTS"):
        HostRule.naming("https", "elsewhere.org", None)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "[fe80::1%eth0]", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0", "100.100.100.200"],
)
def test_addresses_that_give_out_credentials_are_never_asked(allowed, address):
    allowed("*.169.254, 169.254.169.254")
    with pytest.raises(FileRefused, match="never asked"):
        HostRule.naming("http", address, None)


def test_an_address_of_another_spelling_is_resolved_before_it_is_judged():
    with pytest.raises(FileRefused, match="never asked"):
        HostRule(("h", 80)).refuse_resolved("2852039166", 80)
    refuse_address("10.0.0.1")  # a company's own network is what files lie in


@pytest.mark.parametrize("scheme", ["http", "sftp://u@", "s3"])
def test_a_source_at_such_an_address_is_refused_without_asking(drop, scheme):
    drop.options = {"storage": {"endpoint_url": "http://169.254.169.254"}} if scheme == "s3" else {}
    location = {"http": "http://169.254.169.254/", "s3": "s3://bucket/"}.get(scheme, f"{scheme}169.254.169.254/")
    with pytest.raises(SourceUnreachable, match="never asked"):
        drop.names("*.csv", location=location)
