"""A small harbour with data of every class, published and traced, behind the real doors."""

import contextlib
import dataclasses
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import anyio
import httpx2
import polars as pl
import uvicorn
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

import index
from catalog.home import Home
from catalog.models import (
    Classification,
    Dataset,
    DocumentTemplate,
    Field,
    GapRule,
    Place,
    Policy,
    Principal,
    Project,
    Rule,
    Source,
)
from index.testing import HashEmbedder
from ledger import Account, Finding, Ledger
from serving.app import create_app
from serving.context import open_context

HERE = Place(file="datasets/harbour.odcs.yaml")
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEYS = {"clerk": "clerk-key-5d1f", "officer": "officer-key-77aa", "outsider": "outsider-key-c0de"}
LEVELS = Classification

# every value is a canary of its class: whoever reads it in an answer is known to have read that class
PUBLIC, INTERNAL, CONFIDENTIAL, CREW, MASKED = (
    "Pier-Public",
    "Hold-Internal",
    "Fee-Confidential",
    "Mate-Crewoffice",
    "Owner-Masked",
)
QUOTED = "Quoted-By-A-Finding"
ALLOWED = {
    "anonymous": {PUBLIC},
    "clerk": {PUBLIC, INTERNAL},
    "outsider": {PUBLIC, INTERNAL, CONFIDENTIAL},
    "officer": {PUBLIC, INTERNAL, CONFIDENTIAL, CREW},
}
CANARIES = (PUBLIC, INTERNAL, CONFIDENTIAL, CREW, MASKED)
ODD_KEY = "A/B|C:D 100%25 é"


def field(name, level, **more):
    given = {"name": name, "physical_name": name.upper(), "type": "string", "classification": level, "place": HERE}
    return Field.model_validate(given | more)


def dataset(name, fields, text, **more):
    template = DocumentTemplate(name="record", title=f"{name} {{code}}", text=text, place=HERE)
    given = {
        "name": name, "title": name.title(), "fields": tuple(fields), "documents": (template,), "owner": f"{name}-team",
        "version": "1.0.0", "source": "office", "physical_name": name, "fingerprint": name, "place": HERE,
        "freshness": timedelta(days=2),
    }  # fmt: skip
    return Dataset.model_validate(given | more)


def piers():
    fields = [field("code", LEVELS.public, key_position=1), field("name", LEVELS.public)]
    return dataset("piers", fields, "Pier {code} is called {name}. {known_gaps}")


def ships():
    fields = [
        field("code", LEVELS.internal, key_position=1),
        field("hold", LEVELS.internal, description="What is in it"),
        field("pier", LEVELS.public),
        field("owner", LEVELS.restricted, personal=True, mask="pseudonym"),
    ]
    gap = GapRule(
        name="pier-unknown",
        kind="missing_reference",
        fields=("pier",),
        to_dataset="piers",
        to_fields=("code",),
        place=HERE,
    )
    return dataset("ships", fields, "Ship {code} carries {hold}, owned by {owner}.", gap_rules=(gap,))


def fees():
    fields = [field("code", LEVELS.internal, key_position=1), field("fee", LEVELS.confidential)]
    rule = Rule(name="fee-known", kind="not_null", field="fee", place=HERE)
    return dataset("fees", fields, "Ship {code} pays {fee}.", rules=(rule,))


def crew():
    fields = [field("code", LEVELS.internal, key_position=1), field("mate", LEVELS.confidential)]
    return dataset("crew", fields, "Ship {code} has the mate {mate}.", roles=("crew_office",))


def ready(**columns):
    frame = pl.DataFrame(columns)
    return frame.with_columns(
        pl.col("code").alias("_key"),
        pl.lit("office.csv").alias("_location"),
        pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("_position"),
    )


FRAMES = {
    "piers": ready(code=["P1", ODD_KEY], name=[PUBLIC, f"{PUBLIC} two"]),
    "ships": ready(code=["S1", "S2"], hold=[INTERNAL, INTERNAL], pier=["P1", "P9"], owner=[MASKED, MASKED]),
    "fees": ready(code=["S1", "S2"], fee=[CONFIDENTIAL, CONFIDENTIAL]),
    "crew": ready(code=["S1", "S2"], mate=[CREW, CREW]),
}


def finding(rule, name, stage="ready", **more):
    given = {"severity": "warning", "count": 3, "message": f"{QUOTED} {name}", "sample_keys": (f"{QUOTED} key",)}
    return Finding(rule=rule, dataset=name, stage=stage, **given | {"evidence": {"seen": QUOTED}} | more)


FINDINGS = [
    finding("pier-unknown", "ships", "gaps"),
    finding("fee-known", "fees"),
    finding("mate-known/mate", "crew", severity="critical"),
    finding("row-count", "piers", severity="info"),
]


@dataclasses.dataclass
class Harbour:
    """A project with a published index, and the ways to reach it."""

    project: Project
    home: Home
    embedder: HashEmbedder

    def urn(self, name, key="S1"):
        return self.project.urn(name, key)

    def principal(self, name):
        return next(one for one in (self.project.policy.anonymous, *self.project.policy.principals) if one.name == name)

    def context(self, **more):
        given = {"home": self.home, "embedder": self.embedder, "clock": lambda: NOW}
        return open_context(self.project, **given | more)

    def app(self, **more):
        return create_app(self.project, context=more.pop("context", None) or self.context(), **more)

    def publish(self):
        store = index.Store(self.home.index)
        with store.writer():
            store.begin()
            for one in self.project.datasets.values():
                chunks = index.render(one, FRAMES, project=self.project, known=None, mask_key=b"k" * 32)
                index.reconcile(store, chunks, dataset=one, embedder=lambda: self.embedder)
            index.publish(store, store.version)

    def fill(self):
        ledger = Ledger(self.home.ledger_url)
        for name, frame in FRAMES.items():
            self.home.published(name).parent.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(self.home.published(name))
            counts = {
                "read": 2,
                "indexed": 2,
                "quarantined": 0,
                "filtered": 0,
                "duplicate": 0,
                "failed": 0,
                "documents": 2,
            }
            ledger.record_account(Account(dataset=name, run_id="r1", at=NOW, **counts))
            read = NOW - timedelta(days=3 if name == "fees" else 1)
            ledger.record_state(name, "indexed", checked_at=read, fingerprint="f", changed=True, run_id="r1")
        for one in FINDINGS:
            ledger.record_findings("r1", one.dataset, one.stage, [one], NOW)
        ledger.close()


def harbour_at(folder):
    principals = (
        Principal(name="clerk", clearance=LEVELS.internal, key="${env:HARBOUR_CLERK_KEY}"),
        Principal(
            name="officer", clearance=LEVELS.confidential, roles=("crew_office",), key="${env:HARBOUR_OFFICER_KEY}"
        ),
        Principal(name="outsider", clearance=LEVELS.confidential, roles=("ops",), key="${env:HARBOUR_OUTSIDER_KEY}"),
    )
    project = Project(
        name="harbour",
        folder=folder,
        sources={"office": Source(name="office", kind="csv", location=".", place=HERE)},
        datasets={one.name: one for one in (piers(), ships(), fees(), crew())},
        policy=Policy(principals=principals),
        model="hashed-words",
        min_similarity=-1.0,  # every passage is near enough: the access rule alone decides
    )
    return Harbour(project, Home(folder / "home"), HashEmbedder())


def bearer(name):
    return {"Authorization": f"Bearer {KEYS[name]}"} if name in KEYS else {}


@contextlib.contextmanager
def running(app):
    """The application behind a real server on a free loopback port; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def visit(address, work, *, headers=None, mode="auto"):
    """What `work(client)` gives with the official client."""

    async def main():
        async with (
            httpx2.AsyncClient(headers=headers or {}) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=mode) as client,
        ):
            return await work(client)

    return anyio.run(main)
