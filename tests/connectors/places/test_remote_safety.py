"""What servers may try, and what a source may not say."""

import os
import socket
import threading

import pytest

from catalog.errors import SecretUnresolved, SourceUnreachable, SourceUnreadable
from evals.file_servers import SshServer, Store, WebServer

ANOTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVzZWQgb25seSBpbiBhIHRlc3QsIG5vdCBhIGtleSE="


@pytest.fixture
def other(tmp_path):
    (tmp_path / "other").mkdir()
    server = WebServer(tmp_path / "other")
    yield server
    server.close()


def test_a_redirect_to_another_host_is_refused_before_it_is_asked(drop, web, other):
    (other.root / "a.csv").write_bytes(b"1")
    (web.root / "b.csv").write_bytes(b"2")
    (web.root / "a.csv").write_bytes(b"")
    web.answer("/a.csv", 302, Location=f"{other.url}/a.csv")
    drop.location = f"{web.url}/"
    with pytest.raises(SourceUnreachable, match="leads to another host"):
        drop.told("a.csv")
    assert other.asked == []


def test_a_redirect_that_comes_when_a_file_is_fetched_refuses_that_file_alone(drop, web, other):
    for name in ("a.csv", "b.csv"):
        (web.root / name).write_bytes(b"1")
    drop.location = f"{web.url}/"
    found = drop.found("*.csv")
    web.answer("/a.csv", 302, Location=f"{other.url}/a.csv")
    with pytest.raises(Exception, match="leads to another host"), found[0].fetched():
        pass
    with found[1].fetched() as file:
        assert file.path.read_bytes() == b"1"


def test_a_redirect_within_the_host_is_followed(drop, web):
    (web.root / "real.csv").write_bytes(b"1")
    web.answer("/a.csv", 302, Location="/real.csv")
    assert drop.told("a.csv", location=f"{web.url}/") == {"a.csv": b"1"}


def test_a_redirect_to_a_metadata_address_is_refused_whatever_is_allowed(drop, web, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_ALLOWED_HOSTS", "127.0.0.1,169.254.169.254")
    web.answer("/a.csv", 302, Location="http://169.254.169.254/latest/meta-data/")
    with pytest.raises(SourceUnreachable, match="never asked"):
        drop.told("a.csv", location=f"{web.url}/")


def test_links_of_an_index_page_that_lead_elsewhere_are_not_followed(drop, web, other):
    page = (
        f'<a href="../up.csv">1</a><a href="/root.csv">2</a><a href="{other.url}/o.csv">3</a><a href="?C=M">4</a>'
        '<a href="a.csv">5</a><a href="%2e%2e/x.csv">6</a><a href="in/deep.csv">7</a><a href="b%20c.csv">8</a>'
    )
    web.answer("/in/", body=page.encode(), Content_Type="text/html")
    for name in ("a.csv", "b%20c.csv"):
        web.answer(f"/in/{name}", body=b"1", ETag='"x"')
    assert drop.told("*.csv", location=f"{web.url}/in/") == {"a.csv": b"1", "b c.csv": b"1"}
    assert other.asked == []


def test_a_file_without_etag_and_time_is_fetched_anew_each_time(drop, web):
    web.answer("/a.csv", body=b"1")
    assert drop.told("a.csv", location=f"{web.url}/") == {"a.csv": b"1"}
    web.answer("/a.csv", body=b"2")
    assert drop.told("a.csv", location=f"{web.url}/") == {"a.csv": b"2"}


def test_more_bytes_than_a_file_may_have_are_not_taken(drop, web):
    web.answers["/a.csv"] = (200, {"ETag": '"1"'}, bytes(300_000))  # it does not say how many
    drop.options = {"limits": {"file_bytes": 100_000}}
    assert "limits.file_bytes" in drop.told("a.csv", location=f"{web.url}/")["a.csv"]


def test_an_index_page_without_end_is_not_read_to_it(drop, web, monkeypatch):
    monkeypatch.setattr("connectors.places.web_sessions.LARGEST_PAGE", 10_000)
    web.answer("/in/", body=b"<a href='a.csv'>" * 10_000, Content_Type="text/html")
    with pytest.raises(SourceUnreachable, match="index page is too large"):
        drop.names("*.csv", location=f"{web.url}/in/")


def test_fewer_bytes_than_were_announced_are_refused(drop, web):
    web.answers["/a.csv"] = (200, {"ETag": '"1"', "Content-Length": "10"}, b"12345")
    assert "cannot be fetched" in drop.told("a.csv", location=f"{web.url}/")["a.csv"]


def test_a_query_that_may_hold_a_key_is_sent_and_never_told(drop, web):
    web.answer("/a.csv", body=b"1", ETag='"1"')
    assert drop.told("x", location=f"{web.url}/a.csv?sig=hunter2") == {"a.csv": b"1"}
    assert web.asked[0][1] == "/a.csv?sig=hunter2"


def test_headers_and_a_login_are_sent_to_the_source_alone(drop, web, other, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("TEST_WEB_KEY", "hunter2")
    drop.options = {"storage": {"headers": {"X-Api-Key": "${env:TEST_WEB_KEY}"}}}
    other.answer("/a.csv", body=b"1", ETag='"1"')
    web.answer("/a.csv", 302, Location=f"{other.url}/a.csv")
    drop.told("a.csv", location=f"{web.url}/")
    assert all(headers["X-Api-Key"] == "hunter2" for _, _, headers in web.asked)
    assert other.asked
    assert all("X-Api-Key" not in headers for _, _, headers in other.asked)


def test_a_server_whose_key_is_not_known_is_not_talked_to(drop, ssh, tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_DESK_PASSWORD", SshServer.password)
    (tmp_path / "none").write_text("")
    drop.location = f"{ssh.url}/"
    for known in (
        {"known_hosts": "none"},
        {"host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVzZWQgb25seSBpbiBhIHRlc3QsIG5vdCBhIGtleSE="},
    ):
        drop.options = {"storage": {"password": "${env:TEST_DESK_PASSWORD}", **known}}
        with pytest.raises(SourceUnreachable, match="server's key is not the one that is known"):
            drop.names("*.csv")


def test_known_hosts_may_be_a_file_of_the_project(drop, ssh, tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_DESK_PASSWORD", SshServer.password)
    (ssh.root / "kh").mkdir()
    (ssh.root / "kh" / "a.csv").write_bytes(b"1")
    (tmp_path / "known").write_text(f"[127.0.0.1]:{ssh.port} {ssh.host_key}\n")
    drop.options = {"storage": {"password": "${env:TEST_DESK_PASSWORD}", "known_hosts": "known"}}
    assert drop.told("*.csv", location=f"{ssh.url}/kh") == {"a.csv": b"1"}


def test_a_link_that_leads_out_of_the_servers_folder_is_refused(drop, ssh, monkeypatch):
    monkeypatch.setenv("TEST_DESK_PASSWORD", SshServer.password)
    drop.options = {"storage": ssh.storage}
    (ssh.root / "out" / "in").mkdir(parents=True)
    (ssh.root / "out" / "secret.csv").write_bytes(b"1")
    (ssh.root / "out" / "in" / "a.csv").symlink_to("../secret.csv")
    (ssh.root / "out" / "in" / "deep").symlink_to("..")
    for pattern in ("a.csv", "*.csv", "deep/secret.csv", "*/secret.csv"):
        with pytest.raises(SourceUnreadable, match="leads outside"):
            drop.names(pattern, location=f"{ssh.url}/out/in")


def test_a_pipe_on_a_server_is_told(drop, ssh, monkeypatch):
    monkeypatch.setenv("TEST_DESK_PASSWORD", SshServer.password)
    (ssh.root / "pipes").mkdir()
    os.mkfifo(ssh.root / "pipes" / "a.csv")
    drop.location, drop.options = f"{ssh.url}/pipes", {"storage": ssh.storage}
    assert drop.told("*.csv")["a.csv"].startswith("it is a pipe")


@pytest.mark.parametrize(
    ("location", "storage", "told"),
    [
        ("s3://b/", {"secret": "hunter2"}, "is a secret"),
        ("s3://b/", {"strange": "x"}, "strange"),
        ("sftp://u@h/", {"password": "hunter2"}, "is a secret"),
        ("sftp://u@127.0.0.1/", {"host_key": "nonsense"}, "is no key"),
        ("http://h/", {"headers": {"Authorization": "hunter2"}}, "is a secret"),
        ("http://h/", {"password": 7}, "password"),
        ("http://h/", "x", "no mapping"),
    ],
)
def test_storage_that_is_wrong_or_holds_a_secret_is_refused(drop, location, storage, told):
    drop.options = {"storage": storage}
    with pytest.raises(SourceUnreadable, match=told) as caught:
        drop.names("*.csv", location=location)
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_has_no_value_here_is_named(drop):
    drop.options = {"storage": {"password": "${env:NOBODY_SET_THIS}"}}
    with pytest.raises(SecretUnresolved, match="NOBODY_SET_THIS"):
        drop.names("*.csv", location="sftp://u@127.0.0.1/")


@pytest.mark.parametrize("scheme", ["http", "sftp", "s3"])
def test_a_server_that_is_not_there_is_unreachable_in_one_line(drop, scheme, monkeypatch):
    monkeypatch.setattr("connectors.places.ssh_sessions.SECONDS", 2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{taken.getsockname()[1]}"  # nobody listens there
        location = {"http": f"http://{at}/", "sftp": f"sftp://u@{at}/", "s3": "s3://bucket/"}[scheme]
        drop.options = {"storage": {"endpoint_url": f"http://{at}"}} if scheme == "s3" else {}
        with pytest.raises(SourceUnreachable, match="cannot be reached") as caught:
            drop.names("*.csv", location=location)
    assert "\n" not in str(caught.value)


def test_a_server_that_answers_nonsense_is_unreachable(drop):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answers():
            for _ in range(4):
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                one.sendall(b"\x00\xff nonsense\r\n\r\n")
                one.close()

        thread = threading.Thread(target=answers, daemon=True)
        thread.start()
        at = f"127.0.0.1:{server.getsockname()[1]}"
        for location in (f"http://{at}/", f"sftp://u@{at}/"):
            with pytest.raises(SourceUnreachable, match="cannot be reached"):
                drop.names("*.csv", location=location)
    thread.join(5)


def test_a_bucket_that_is_not_there_or_not_ours_is_told(drop, store, monkeypatch):
    monkeypatch.setenv("TEST_STORE_SECRET", Store.secret)
    drop.options = {"storage": store.storage}
    with pytest.raises(SourceUnreachable):
        drop.names("*.csv", location="s3://no-such-bucket/")
    drop.options = {"storage": {"endpoint_url": store.url}}
    with pytest.raises(SourceUnreachable, match="access is denied"):
        drop.names("*.csv", location="s3://drops/")
