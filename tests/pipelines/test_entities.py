"""Rows of two systems become one entity, nobody's row changes, and a person's word decides from the next run on."""

import csv
import json

import polars as pl
import pytest

from ledger.models import EntityDecision
from pipelines import stages
from pipelines.row_identity import key_mark
from pipelines.site import Site

FIRST = ("Ada", "Bert", "Carla", "Dora", "Emil", "Frida", "Gustav", "Hanna", "Ivo", "Jutta")
LAST = ("Abelson", "Brinkman", "Castellano", "Dijkstra", "Fontaine", "Hollander", "Ivarsson", "Kowalczyk")
PEOPLE = [(f"{FIRST[n % 10]} {LAST[n // 10]}", f"0{n * 7_919 + 1_234_567:07d}", f"Town {n % 7}") for n in range(80)]
FIELDS = ("name", "phone", "town")


class Registers:
    """The same eighty companies in a register of customers and in one of debtors, and the entity that both speak of."""

    def __init__(self, shop):
        self.shop = shop
        (shop.folder / "entities").mkdir()
        (shop.folder / "datasets" / "customers.odcs.yaml").unlink()
        (shop.folder / "datasets" / "orders.odcs.yaml").unlink()
        for name in ("crm", "billing"):
            self.contract(name)
            self.rows(name, {f"{name[0]}{number}": (*one, f"V{number}") for number, one in enumerate(PEOPLE)})
        self.entity()

    def contract(self, name, **key):
        told = self.shop.customers()
        told["id"], told["name"] = f"shop.{name}", name
        fields = [{"name": "id", "physicalName": "id", "logicalType": "string", "primaryKey": True,
                   "primaryKeyPosition": 1, "required": True, "classification": "public"} | key]  # fmt: skip
        plain = {"logicalType": "string", "classification": "public"}
        fields += [plain | {"name": one, "physicalName": one} for one in (*FIELDS, "vat")]
        fields.append({"name": "changed", "physicalName": "changed", "logicalType": "date"})
        told["schema"][0] |= {"name": name, "physicalName": f"{name}.csv", "properties": fields}
        documents = {"name": "record", "title": f"{name} {{id}}", "text": "{name} in {town}."}
        source = {"property": "landbridge.source", "value": "crm"}
        told["customProperties"] = [source, {"property": "landbridge.documents", "value": [documents]}]
        self.shop.write(f"datasets/{name}.odcs.yaml", told)

    def rows(self, name, rows):
        """Rows by key: name, telephone, town, number for taxes, and day of change."""
        with (self.shop.folder / "systems" / f"{name}.csv").open("w", newline="") as file:
            lines = [[key, *values, *[""] * (5 - len(values))] for key, values in rows.items()]
            csv.writer(file).writerows([("id", *FIELDS, "vat", "changed"), *lines])

    def entity(self, **told):
        both = {name: {"crm": name, "billing": name} for name in FIELDS}
        usual = {
            "name": "customer",
            "owner": "team crew-data",
            "members": [{"dataset": "crm"}, {"dataset": "billing"}],
            "match": {
                "fields": [
                    {"name": "name", "in": both["name"]},
                    {"name": "phone", "kind": "code", "in": both["phone"]},
                    {"name": "town", "in": both["town"]},
                ],
                "blocking": [{"fields": ["name"], "by": "words"}, {"fields": ["phone"]}],
            },
            "golden": {"name": {"from": ["crm.name", "billing.name"]}},
        }
        self.shop.write("entities/customer.yaml", usual | told)

    def change(self, name, **rows):
        """Other values in some rows; None takes a row out."""
        path = self.shop.folder / "systems" / f"{name}.csv"
        with path.open(newline="") as file:
            _, *lines = csv.reader(file)
        told = {line[0]: tuple(line[1:]) for line in lines}
        for key, values in rows.items():
            if values is None:
                del told[key]
            else:
                told[key] = values
        self.rows(name, told)

    def run(self):
        self.site = Site.open(self.shop.folder)
        for name in ("crm", "billing"):
            stages.pull(self.site, name, run_id="run")
            stages.make_ready(self.site, name, run_id="run")
        self.known = stages.resolve_entities(self.site, run_id="run")
        return self.known

    def part(self, name):
        return pl.read_parquet(self.site.home.entity("customer", name))

    def link(self, left, right):
        return self.part("links").row(
            by_predicate=(pl.col("left_key") == left) & (pl.col("right_key") == right), named=True
        )

    def id_of(self, key):
        return self.part("members").filter(pl.col("key") == key)["entity_id"].item()

    def together(self, *keys):
        return len({self.id_of(key) for key in keys}) == 1

    def say(self, left, right, same):
        one = self.link(left, right)
        sides = {f"{side}_{what}": one[f"{side}_{at}"] for side in ("left", "right")
                 for what, at in (("dataset", "dataset"), ("id", "record"))}  # fmt: skip
        mark = key_mark(self.site.mask_key())
        told = EntityDecision(
            entity="customer", **sides, same=same, key_mark=mark, by="Steward 1", reason="seen", at=self.site.clock()
        )
        self.site.ledger.record_entity_decisions([told])

    def findings(self):
        return {one.rule: one for one in self.site.ledger.findings(stage="entities")}


@pytest.fixture
def registers(shop):
    return Registers(shop)


def test_rows_of_two_systems_become_one_entity_with_evidence_and_no_row_changes(registers):
    registers.run()
    assert all(registers.together(f"c{number}", f"b{number}") for number in range(80))
    one = registers.link("c3", "b3")
    assert (one["decision"], one["way"], one["probability"] > 0.9) == ("link", "match", True)
    assert {*json.loads(one["evidence"])} == {*FIELDS}
    assert min(json.loads(one["evidence"]).values()) > 0
    ready = pl.read_parquet(registers.site.home.ready("billing"))
    assert sorted(ready["id"]) == sorted(f"b{number}" for number in range(80))


def test_evidence_holds_no_value_of_any_row(registers):
    registers.run()
    told = " ".join(registers.part("links")["evidence"])
    assert not any(word in told for name, phone, town in PEOPLE for word in (*name.split(), phone, town))


def test_a_run_behind_which_nothing_changed_does_nothing(registers):
    assert registers.run().changed
    before = registers.site.home.entity("customer", "links").stat().st_mtime_ns
    assert not registers.run().changed
    assert registers.site.home.entity("customer", "links").stat().st_mtime_ns == before


def test_a_file_that_was_lost_is_made_again(registers):
    registers.run()
    registers.site.home.entity("customer", "golden").unlink()
    assert registers.run().changed
    assert registers.part("golden").height == 80


def test_a_declared_key_links_what_nothing_else_would(registers):
    registers.entity(keys=[{"crm": "vat", "billing": "vat"}], match=None)
    registers.change("billing", b3=("Nobody Else", "0999", "Elsewhere", "v-3"))
    registers.run()
    assert registers.link("c3", "b3")["way"] == "key"
    assert registers.known.counts["customer"]["by_key"] == 80


def test_one_row_takes_a_link_back_and_a_later_one_restores_it(registers):
    registers.run()
    registers.say("c3", "b3", same=False)
    registers.run()
    assert not registers.together("c3", "b3")
    assert registers.link("c3", "b3")["way"] == "decision"
    registers.say("c3", "b3", same=True)
    registers.run()
    assert registers.together("c3", "b3")


def test_a_decision_holds_when_both_rows_have_changed_beyond_recognition(registers):
    registers.run()
    registers.say("c3", "b3", same=True)
    registers.change("billing", b3=("Nobody Else", "0999", "Elsewhere", ""))
    registers.run()
    assert registers.together("c3", "b3")


def test_a_decision_holds_where_the_declaration_compares_the_two_systems_no_more(registers):
    registers.run()
    registers.say("c3", "b3", same=True)
    registers.entity(keys=[{"crm": "phone"}, {"billing": "phone"}], match=None)
    registers.run()
    assert registers.together("c3", "b3")
    assert not registers.together("c4", "b4")


def test_a_word_about_a_row_that_is_gone_is_told_and_holds_when_it_comes_back(registers):
    registers.run()
    registers.say("c3", "b3", same=False)
    registers.change("billing", b3=None)
    registers.run()
    assert registers.findings()["entity-customer-unused-decisions"].count == 1
    registers.change("billing", b3=(*PEOPLE[3], ""))
    registers.run()
    assert "entity-customer-unused-decisions" not in registers.findings()
    assert not registers.together("c3", "b3")


def test_words_under_another_mask_key_are_a_critical_finding(registers, monkeypatch):
    registers.run()
    registers.say("c3", "b3", same=False)
    monkeypatch.setenv("LANDBRIDGE_MASK_KEY", "another key of the pseudonyms, long enough")
    registers.run()
    assert registers.findings()["entity-customer-foreign-decisions"].severity == "critical"


def test_an_entity_keeps_its_name_when_it_gains_a_member_and_when_it_loses_its_first(registers):
    registers.run()
    name = registers.id_of("c3")
    registers.change("crm", a0=(*PEOPLE[3], ""))  # sorts before c3, so it would be the anchor
    registers.run()
    assert registers.together("a0", "c3", "b3")
    assert registers.id_of("b3") == name
    registers.change("crm", c3=None, a0=None)
    registers.run()
    assert registers.id_of("b3") == name


def test_doubt_waits_for_a_person_and_is_told_with_its_owner(registers):
    registers.change("billing", b3=(*PEOPLE[3][:2], "Elsewhere", ""))
    registers.run()
    waiting = registers.findings()["entity-customer-review"]
    assert (waiting.severity, waiting.owner) == ("warning", "team crew-data")
    assert waiting.count == registers.known.counts["customer"]["review"] > 0
    assert {*waiting.sample_keys} <= {*registers.part("links")["pair"]}


def test_two_rows_of_a_system_that_promises_one_are_a_conflict(registers):
    registers.entity(
        members=[{"dataset": "crm", "onePerEntity": True}, {"dataset": "billing"}],
        keys=[{"crm": "vat", "billing": "vat"}], match=None,
    )  # fmt: skip
    registers.change("crm", c99=("Somebody", "1", "Here", "V3"))
    registers.run()
    conflict = registers.findings()["entity-customer-conflict-crm"]
    assert (conflict.severity, conflict.count, conflict.sample_keys) == ("critical", 1, (registers.id_of("c3"),))


def test_a_chain_of_links_is_a_critical_finding(registers):
    registers.entity(keys=[{"crm": "vat", "billing": "vat"}], match=None, largest=3)
    registers.change("crm", **{f"c9{number}": ("X", "1", "Y", "V3") for number in range(3)})
    registers.run()
    chain = registers.findings()["entity-customer-chain"]
    assert (chain.severity, chain.count, chain.evidence["largest"]) == ("critical", 1, 5)


def test_a_dataset_without_ready_rows_is_told_and_the_others_are_linked(registers):
    registers.entity(keys=[{"crm": "vat", "billing": "vat"}], match=None)
    registers.run()
    registers.site.home.ready("billing").unlink()
    path = registers.site.home.manifest("ready", "billing")
    path.unlink()
    registers.known = stages.resolve_entities(registers.site, run_id="run")
    assert registers.findings()["entity-customer-unjudged"].severity == "critical"
    assert registers.known.counts["customer"]["records"] == 80


def test_what_is_mended_is_no_finding_any_more(registers):
    registers.change("billing", b3=(*PEOPLE[3][:2], "Elsewhere", ""))
    registers.run()
    assert registers.findings()
    registers.change("billing", b3=(*PEOPLE[3], ""))
    registers.run()
    assert not registers.findings()


def test_a_suggestion_links_what_was_not_declared_field_by_field(registers):
    registers.entity(match="suggested")
    registers.run()
    assert all(registers.together(f"c{number}", f"b{number}") for number in range(80))


def test_the_golden_record_says_whose_each_value_is(registers):
    name, phone, _ = PEOPLE[3]
    registers.change("crm", c3=(name, phone, "Oldtown", "", "2026-01-01"))
    registers.change("billing", b3=(name, phone, "Newtown", "V3", "2026-02-01"))
    registers.entity(match=None, keys=[{"crm": "phone", "billing": "phone"}], golden={
        "name": {"from": ["crm.name", "billing.name"]},
        "town": {"from": ["crm.town", "billing.town"], "rule": "newest", "changed": ["crm.changed", "billing.changed"]},
        "vat": {"from": ["crm.vat", "billing.vat"]},
    })  # fmt: skip
    registers.run()
    told = registers.part("golden").filter(pl.col("entity_id") == registers.id_of("c3"))
    shown = told.select("field", "value", "dataset", "key", "reason", "others").sort("field").rows()
    assert shown == [
        ("name", "Dora Abelson", "crm", "c3", "order", 0),
        ("town", "Newtown", "billing", "b3", "newest", 1),
        ("vat", "V3", "billing", "b3", "only", 0),
    ]


def test_the_asset_stands_between_ready_and_gaps_only_where_entities_are_declared(registers):
    from catalog import load_project
    from pipelines.entity_assets import entity_assets, entity_keys

    project = load_project(registers.shop.folder)
    (asset,) = entity_assets(project)
    assert {key.to_user_string() for key in asset.dependency_keys} == {"ready/billing", "ready/crm"}
    assert entity_keys(project) == [["entities"]]
    without = project.model_copy(update={"entities": {}})
    assert entity_assets(without) == entity_keys(without) == []


def test_the_asset_shows_counts_and_the_review_queue_without_a_key_or_a_value(registers):
    from pipelines.entity_assets import of_entities

    registers.change("billing", b3=(*PEOPLE[3][:2], "Elsewhere", ""))
    told = of_entities(registers.site, registers.known) if registers.run() else {}
    assert told["entities"].records[0].data["records"] == 160
    (waits,) = told["review_queue"].records
    assert waits.data["between"] == "crm, billing"
    shown = str(told).replace(waits.data["pair"], "")  # a hash, in which any two digits may stand
    assert not any(word in shown for word in ("c3", "b3", PEOPLE[3][0], "Elsewhere"))


def test_what_is_open_about_the_last_entity_ends_with_its_file(registers):
    registers.change("billing", b3=(*PEOPLE[3][:2], "Elsewhere", ""))
    registers.run()
    assert registers.findings()
    (registers.shop.folder / "entities" / "customer.yaml").unlink()
    stages.find_gaps(Site.open(registers.shop.folder), run_id="later")
    assert not registers.findings()
    looks = registers.site.ledger.finding_history(dataset="crm")
    assert {one.state for one in looks if one.finding.stage == "entities"} == {"resolved"}


def test_what_waits_for_a_person_stands_among_the_gaps(registers):
    from landbridge.reporting import gaps

    registers.change("billing", b3=(*PEOPLE[3][:2], "Elsewhere", ""))
    registers.run()
    told = {one.finding.rule: one.kind for one in gaps(registers.site.project)}
    assert told["entity-customer-review"] == "knowledge-gap"
