"""The engine splink weighs the same candidates, obeys the same words, and says so where it is not installed."""

import logging
import socket
import sys
from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest

from catalog.entity_models import Entity, Member
from catalog.errors import Refusal
from catalog.models import Place
from expectations.linking import BlockingKey, Comparison, LinkPlan, duplicates, link
from expectations.linking.resolving import WORD_SCHEMA, resolve
from expectations.linking.weights import learned_share

needs_splink = pytest.mark.skipif(find_spec("splink") is None, reason="the extra splink is not installed")
FIRST = ("Ada", "Bert", "Carla", "Dora", "Emil", "Frida", "Gustav", "Hanna", "Ivo", "Jutta")
LAST = ("Abelson", "Brinkman", "Castellano", "Dijkstra", "Fontaine", "Gärtner", "Hollander", "Ivarsson")
KINDS = (("name", "text"), ("phone", "code"), ("town", "text"), ("born", "date"), ("size", "number"))


def customers():
    """Eighty of them, with two words for a name, a telephone number, one of seven towns, a day and a number."""
    return pl.DataFrame({
        "id": [f"c{n}" for n in range(80)],
        "name": [f"{FIRST[n % 10]} {LAST[n // 10]}" for n in range(80)],
        "phone": [f"0{n * 7_919 + 1_234_567:07d}" for n in range(80)],
        "town": [f"Town {'abcdefg'[n % 7]}" for n in range(80)],
        "born": [f"19{30 + n % 50}-0{1 + n % 9}-1{n % 10}" for n in range(80)],
        "size": [n * 37 % 101 for n in range(80)],
    })  # fmt: skip


def plan(*kinds, **told):
    usual = {
        "left": "crm", "right": "billing", "left_key": "id", "right_key": "id", "engine": "splink",
        "comparisons": tuple(Comparison(name=name, left=name, right=name, kind=kind) for name, kind in kinds or KINDS),
        "blocking": (BlockingKey(fields=("name",), by="words"), BlockingKey(fields=("phone",))),
    }  # fmt: skip
    return LinkPlan(**(usual | told))


def changed(frame, key, **values):
    told = [pl.when(pl.col("id") == key).then(pl.lit(value)).otherwise(name).alias(name)
            for name, value in values.items()]  # fmt: skip
    return frame.with_columns(told)


def said(left, right, same):
    return pl.DataFrame({"left": [left], "right": [right], "same": [same]})


def pair(links, left, right):
    return links.pairs.filter((pl.col("left") == left) & (pl.col("right") == right)).row(0, named=True)


def linked(links):
    return set(links.pairs.filter(pl.col("decision") == "link").select("left", "right").iter_rows())


def test_where_the_extra_is_not_installed_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(Refusal, match=r"not installed. pip install 'landbridge\[splink\]'"):
        link(customers(), customers(), plan())


def test_an_entity_that_asks_for_it_is_refused_with_its_place_before_anything_is_compared(monkeypatch):
    monkeypatch.setitem(sys.modules, "splink", None)
    place = Place(file="entities/customer.yaml", line=3)
    entity = Entity(name="customer", members=(Member(dataset="crm"),), engine="splink", place=place)
    with pytest.raises(Refusal, match=r"^entities/customer\.yaml:3: the engine splink"):
        resolve(entity, {}, {}, words=pl.DataFrame(schema=WORD_SCHEMA))


def test_labels_are_refused_rather_than_left_unread():
    with pytest.raises(Refusal, match="labels teach the engine polars only"):
        link(customers(), customers(), plan(), labels=said("c1", "c1", True))


def test_the_share_of_matches_follows_from_the_bits_of_the_pairs():
    bits = np.where(np.arange(300) < 100, 20.0, -20.0)  # of three candidates of a record one agrees
    left = np.arange(300) % 100
    share = learned_share(bits, left, np.arange(100, 400), most=1_000, of=1_000_000)
    assert share == pytest.approx(100 / 1_000_000, rel=0.05)
    nothing = np.zeros(0, np.int64)
    assert 0 < learned_share(np.zeros(0), nothing, nothing, most=1_000, of=1_000_000) < 1 / 1_000_000


@needs_splink
def test_one_field_alone_is_refused_as_nothing_can_teach_it():
    with pytest.raises(Refusal, match="two fields"):
        link(customers(), customers(), plan(("phone", "code"), blocking=(BlockingKey(fields=("phone",)),)))


@needs_splink
def test_splink_links_the_candidates_of_the_other_engine_and_tells_bits_by_field():
    other = changed(customers(), "c3", name="Dora Abelsson", town=None)
    links = link(customers(), other, plan())
    assert {(f"c{n}", f"c{n}") for n in range(80)} <= linked(links)
    one = pair(links, "c3", "c3")
    assert (one["weight_town"], one["weight_phone"] > 5, one["weight_name"] > 0) == (0.0, True, True)
    assert links.candidates == link(customers(), other, plan(engine="polars")).candidates
    assert [len(m) for m in links.model.m] == [len(m) for m in link(customers(), other, plan(engine="polars")).model.m]
    assert all(abs(float(m.sum()) - 1) < 0.1 for m in links.model.m)


@needs_splink
def test_the_same_frames_give_the_same_links_again():
    first, second = (link(customers(), customers(), plan()).pairs for _ in range(2))
    assert first.select("left", "right", "decision").equals(second.select("left", "right", "decision"))


@needs_splink
def test_a_key_links_what_splink_thinks_unlikely_and_a_person_has_the_last_word():
    other = changed(customers(), "c3", name="Zz Yy", town="Elsewhere", born="2001-01-01", size=9_999)
    keyed = plan(keys=(("phone",),))
    assert pair(link(customers(), other, keyed), "c3", "c3")["reason"] == "key"
    refused = link(customers(), other, keyed, decisions=said("c3", "c3", False))
    assert pair(refused, "c3", "c3")["decision"] == "no"
    told = pair(link(customers(), other, keyed, decisions=said("c5", "c70", True)), "c5", "c70")  # no candidates
    assert (told["decision"], told["reason"]) == ("link", "person")


@needs_splink
def test_the_duplicates_of_one_frame_are_found():
    again = customers().filter(pl.col("id") == "c7").with_columns(pl.lit("twin").alias("id"))
    links = duplicates(pl.concat([customers(), again]), plan())
    assert ("c7", "twin") in linked(links)
    assert ("twin", "c7") not in linked(links)


@needs_splink
def test_frames_that_share_nothing_give_no_pair():
    other = customers().with_columns(pl.lit("Qqq").alias("name"), pl.lit("0").alias("phone"))
    assert link(customers(), other, plan()).pairs.is_empty()


@needs_splink
def test_nothing_is_asked_of_the_network_and_nothing_is_told(monkeypatch, caplog, capfd):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("asked the network"))
    with caplog.at_level(logging.DEBUG, logger="splink"):
        link(customers(), customers(), plan())
    assert capfd.readouterr() == ("", "")
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
