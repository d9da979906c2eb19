"""Packed files and archives are unpacked within limits, and what is cut, damaged or a trick is refused."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FileRefused
from connectors.places.delivering import Lying
from connectors.places.limits import PlaceLimits
from connectors.places.local import LocalPlace
from connectors.places.looking_in import looked_into, whole
from connectors.places.unpacking import Unpacked

CONTENT = b"a,b\n" + b"1,2\n" * 5000
PACKED = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda content: pa.compress(content, "zstd", asbytes=True),
}


def zipped(members, *, method=zipfile.ZIP_DEFLATED):
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return told.getvalue()


def tarred(members, *, mode="w", links=(), form=tarfile.PAX_FORMAT):
    told = io.BytesIO()
    with tarfile.open(fileobj=told, mode=mode, format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return told.getvalue()


@pytest.mark.parametrize("ending", PACKED)
def test_a_packed_file_is_unpacked_and_cited_by_both_names(drop, ending):
    drop.holds(f"a.csv.{ending}", PACKED[ending](CONTENT))
    assert drop.told("a.csv.*") == {f"in/a.csv.{ending}!a.csv": CONTENT}
    [one] = drop.found(f"a.csv.{ending}!*.csv")
    with one.fetched() as file:
        assert (file.name, file.suffix, file.path.suffix) == (f"in/a.csv.{ending}!a.csv", ".csv", ".csv")


@pytest.mark.parametrize("ending", PACKED)
def test_parts_that_were_packed_one_by_one_are_read_as_one(drop, ending):
    drop.holds(f"a.csv.{ending}", PACKED[ending](b"a\n") + PACKED[ending](b"b\n"))
    assert drop.told("*") == {f"in/a.csv.{ending}!a.csv": b"a\nb\n"}


@pytest.mark.parametrize("ending", PACKED)
def test_a_packed_file_is_known_by_its_content_and_not_by_its_name(drop, ending):
    drop.holds("a.csv", PACKED[ending](CONTENT))
    assert drop.told("a.csv") == {"in/a.csv": CONTENT}
    drop.holds(f"b.csv.{ending}", b"a\n1\n")
    assert drop.told("b.*") == {f"in/b.csv.{ending}!b.csv": b"a\n1\n"}


@pytest.mark.parametrize("ending", PACKED)
@given(data=st.data())
@settings(max_examples=25)
def test_a_packed_file_that_was_cut_or_damaged_is_never_read_as_far_as_it_goes(tmp_path_factory, ending, data):
    content = bytes(range(256)) * 40
    packed = PACKED[ending](content)
    if ending == "zst" or data.draw(st.booleans(), label="cut"):  # a Zstandard frame need not have a checksum
        broken = packed[: data.draw(st.integers(12, len(packed) - 1))]
    else:
        at = data.draw(st.integers(12, len(packed) - 1))
        broken = packed[:at] + bytes([packed[at] ^ data.draw(st.integers(1, 255))]) + packed[at + 1 :]
    path = tmp_path_factory.mktemp("packed") / "a"
    path.write_bytes(broken)
    told = unpacked(path)
    assert told in (None, content), "a changed bit that no checksum covers changes nothing"


def unpacked(path):
    """The content of a file, or None where it is refused."""
    place = LocalPlace(path.resolve(), path.parent.resolve())
    try:
        with Unpacked(place.content(place.look("")), PlaceLimits()).local() as local:
            return local.read_bytes()
    except FileRefused:
        return None


def test_compress_is_refused_by_its_name(drop):
    drop.holds("a.csv.Z", b"\x1f\x9d\x90aaaaaaaaaaaa")
    assert "`compress` (.Z)" in drop.refusal("*")


def test_an_archive_of_one_file_is_that_file(drop):
    drop.holds("a.zip", zipped({"deep/a.csv": b"1"}))
    drop.holds("b.tgz", tarred({"b.csv": b"2"}, mode="w:gz"))
    drop.holds("c.tar", tarred({"c.csv.gz": gzip.compress(b"3")}))
    assert drop.told("*") == {
        "in/a.zip!deep/a.csv": b"1", "in/b.tgz!b.csv": b"2", "in/c.tar!c.csv.gz!c.csv": b"3",
    }  # fmt: skip


def test_an_archive_of_many_asks_which(drop):
    drop.holds("a.zip", zipped({"a.csv": b"1", "b.csv": b"2"}))
    assert drop.refusal("a.zip").startswith("it is an archive of 2 files. Say in the contract's physicalName")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_members_of_tar_archives_are_found_however_they_are_packed(drop, mode):
    members = {"./a.csv": b"1", "deep/b.csv": b"2", "c.txt": b"3"}
    drop.holds("n.tar" if mode == "w" else f"n.tar.{mode[2:]}", tarred(members, mode=mode))
    [name] = [path.name for path in (drop.folder / "in").iterdir()]
    assert drop.told("n.tar*!**/*.csv") == {f"in/{name}!a.csv": b"1", f"in/{name}!deep/b.csv": b"2"}


def test_archives_in_archives_are_looked_into_to_a_depth_of_three(drop):
    inner = tarred({"a.csv": b"1", "b.csv": b"2"}, mode="w:gz")
    drop.holds("n.zip", zipped({"one.zip": zipped({"two.tgz": inner})}))
    assert drop.told("n.zip!one.zip!two.tgz!a.csv#T") == {"in/n.zip!one.zip!two.tgz!a.csv": b"1"}
    assert drop.names("*!*!*!*") == ["in/n.zip!one.zip!two.tgz!a.csv", "in/n.zip!one.zip!two.tgz!b.csv"]
    assert "it is an archive of 2 files" in drop.refusal("n.zip!one.zip")


def test_an_archive_without_a_member_that_is_wanted_is_told_beside_those_that_have_one(drop):
    drop.holds("1.zip", zipped({"a.csv": b"1"}))
    drop.holds("2.zip", zipped({"b.txt": b"2"}))
    told = drop.told("*.zip!*.csv")
    assert told["in/1.zip!a.csv"] == b"1"
    assert told["in/2.zip"].startswith("no file in it matches '*.csv'")


def test_what_is_no_archive_is_told(drop):
    drop.holds("a.zip", b"a\n1\n")
    drop.holds("b.zip", b"7z\xbc\xaf\x27\x1c" + bytes(100))
    drop.holds("c.zip", b"")
    told = drop.told("*.zip!*")
    assert told["in/a.zip"].startswith("it is no zip and no tar archive")
    assert told["in/b.zip"].startswith("it is a 7z or rar archive")
    assert told["in/c.zip"].startswith("it is no zip and no tar archive")


def test_members_whose_names_lead_outside_are_refused_alone(drop):
    drop.holds("n.zip", zipped({"../a.csv": b"1", "/b.csv": b"2", "x/../../c.csv": b"3", "d.csv": b"4"}))
    drop.holds("n.tar", tarred({"../a.csv": b"1", "/b.csv": b"2", "d.csv": b"4"}))
    for name in ("n.zip", "n.tar"):
        told = drop.told(f"{name}!*.csv")
        assert told.pop(f"in/{name}!d.csv") == b"4"
        assert len(told) >= 2
        assert all(one.startswith("its name in the archive leads outside") for one in told.values())


def test_a_backslash_in_a_zip_archive_parts_folders(drop):
    drop.holds("n.zip", zipped({"deep\\a.csv": b"1", "..\\b.csv": b"2", "C:\\c.csv": b"3"}))
    told = drop.told("n.zip!**/*.csv")
    assert told.pop("in/n.zip!deep/a.csv") == b"1"
    assert all("leads outside" in one for one in told.values())


def test_links_and_devices_are_refused_alone(drop):
    links = [
        ("l.csv", tarfile.SYMTYPE),
        ("h.csv", tarfile.LNKTYPE),
        ("d.csv", tarfile.CHRTYPE),
        ("f.csv", tarfile.FIFOTYPE),
    ]
    drop.holds("n.tar", tarred({"a.csv": b"1"}, links=links))
    told = drop.told("n.tar!*.csv")
    assert told.pop("in/n.tar!a.csv") == b"1"
    assert sorted(one.partition(",")[0] for one in told.values()) == [
        "it is a device or a pipe", "it is a device or a pipe", "it is a link", "it is a link",
    ]  # fmt: skip
    link = zipfile.ZipInfo("l.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    drop.holds("n.zip", zipped({link: b"/etc/passwd"}))
    assert drop.refusal("n.zip!*").startswith("it is a link")


def test_an_encrypted_member_is_refused(drop):
    packed = bytearray(zipped({"a.csv": b"1", "b.csv": b"2"}))
    central = packed.index(b"PK\x01\x02")
    packed[6] |= 1
    packed[central + 8] |= 1
    drop.holds("n.zip", bytes(packed))
    told = drop.told("n.zip!*")
    assert told == {"in/n.zip!a.csv": "it is encrypted. Deliver it without a password.", "in/n.zip!b.csv": b"2"}


def test_two_members_of_one_name_are_refused(drop):
    with pytest.warns(UserWarning):
        told = io.BytesIO()
        with zipfile.ZipFile(told, "w") as archive:
            archive.writestr("a.csv", "1")
            archive.writestr("a.csv", "2")
    drop.holds("n.zip", told.getvalue())
    assert "several files of this name" in drop.told("n.zip!*")["in/n.zip!a.csv"]


def test_members_that_overlap_are_refused_as_a_bomb(drop):
    packed = bytearray(zipped({"a.csv": bytes(1000), "b.csv": bytes(1000)}))
    second = packed.index(b"PK\x01\x02", packed.index(b"PK\x01\x02") + 4)
    struct.pack_into("<L", packed, second + 42, 10)  # the second begins within the first
    drop.holds("n.zip", bytes(packed))
    assert drop.refusal("n.zip!*").startswith("the archive's files overlap")


LIMITED = {
    "file_bytes": ({"file_bytes": 50_000}, {"a.csv": bytes(60_000)}),
    "expanded_bytes": ({"expanded_bytes": 50_000}, {"a.csv": bytes(30_000), "b.csv": bytes(30_000)}),
    "members": ({"members": 1}, {"a.csv": b"1", "b.csv": b"2"}),
    "ratio": ({"ratio": 3}, {"a.csv": bytes(65 * 2**20)}),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_what_unpacks_to_more_than_a_limit_is_refused(drop, limit):
    drop.options = {"limits": LIMITED[limit][0]}
    drop.holds("n.zip", zipped(LIMITED[limit][1]))
    drop.holds("n.tgz", tarred(LIMITED[limit][1], mode="w:gz"))
    told = drop.told("n.*!*.csv")
    assert len(told) == 2
    assert all(f"limits.{limit}" in one for one in told.values())


@pytest.mark.parametrize("ending", PACKED)
def test_a_packed_file_that_grows_beyond_the_limits_is_refused_while_it_is_unpacked(drop, ending):
    drop.holds(f"a.csv.{ending}", PACKED[ending](bytes(65 * 2**20)))
    assert "limits.ratio" in drop.refusal("*")
    drop.options = {"limits": {"file_bytes": 1000}}
    assert "limits.file_bytes" in drop.refusal("*")


def test_a_member_that_says_it_is_small_and_is_not_is_refused(drop):
    packed = bytearray(zipped({"a.csv": bytes(100_000)}))
    struct.pack_into("<L", packed, packed.index(b"PK\x01\x02") + 24, 10)
    drop.holds("n.zip", bytes(packed))
    assert drop.refusal("n.zip!*").startswith(("the zip archive is damaged", "it is damaged"))


def test_a_tar_archive_that_is_cut_at_a_members_end_is_refused(drop):
    packed = tarred({"a.csv": b"1", "b.csv": b"2"})
    drop.holds("n.tar", packed[:1024])
    assert drop.refusal("n.tar!*").startswith("it is cut")


def test_a_tar_header_that_asks_for_much_memory_is_refused(drop):
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 7 * 2**30
    drop.holds("n.tar", header.tobuf(tarfile.USTAR_FORMAT) + bytes(4096))
    assert drop.refusal("n.tar!*").startswith("the tar archive is damaged")


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
@given(data=st.data())
@settings(max_examples=40)
def test_an_archive_of_any_bytes_gives_its_files_or_refusals_and_nothing_else(tmp_path_factory, kind, data):
    content = {"a.csv": b"a\n" * 200, "deep/b.csv": bytes(range(256))}
    packed = bytearray(zipped(content) if kind == "zip" else tarred(content, mode="w" if kind == "tar" else "w:gz"))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("broken") / f"n.{kind}"
    path.write_bytes(packed[: data.draw(st.integers(0, len(packed)))])
    place = LocalPlace(path.parent.resolve(), path.parent.resolve())
    found = whole(Lying(place, place.look(path.name)), "", PlaceLimits())
    for one in looked_into(found, (("**", "*"),), PlaceLimits()):
        try:
            with one.fetched() as file:
                file.path.read_bytes()
            one.fingerprint()
        except FileRefused as error:
            assert "\n" not in str(error)


def test_a_member_is_read_from_its_archive_without_unpacking_the_others(drop):
    drop.holds("n.zip", zipped({f"{at:04}.csv": str(at) for at in range(3000)}))
    told = drop.found("n.zip!*.csv")
    assert len(told) == 3000
    with told[2999].fetched() as file:
        assert file.path.read_bytes() == b"2999"
