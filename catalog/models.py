"""The declarations of a project as frozen values: one class per idea, linked and checked once by the loader.

`Dataset` *is* the contract. Names follow the Open Data Contract Standard (ODCS) where it has a word, and what it has no
word for is read from `customProperties` whose names begin with `landbridge.`.
"""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal

from catalog.alert_models import AlertChannel as AlertChannel
from catalog.alert_models import MailTo as MailTo
from catalog.declaration import Declaration as Declaration
from catalog.declaration import Place as Place
from catalog.declaration import Severity as Severity
from catalog.entity_models import Entity
from catalog.gap_models import ConflictField as ConflictField
from catalog.gap_models import GapCalendar as GapCalendar
from catalog.gap_models import GapDirection as GapDirection
from catalog.gap_models import GapKind as GapKind
from catalog.gap_models import GapRule as GapRule
from catalog.index_models import IndexPlan as IndexPlan
from catalog.readiness_models import AgentQuestion as AgentQuestion
from catalog.readiness_models import DimensionName as DimensionName
from catalog.readiness_models import ReadinessPlan as ReadinessPlan
from catalog.readiness_models import UseCase as UseCase

LogicalType = Literal["string", "integer", "number", "boolean", "date", "timestamp", "time"]
FILE_KINDS = (
    "csv", "fixed_width", "mainframe", "ndjson", "json", "xml", "parquet", "arrow", "excel", "dbf", "sas", "spss",
    "stata", "access", "hl7", "edifact", "x12", "mail", "document", "markdown", "files",
)  # fmt: skip
SOURCE_KINDS = ("sql", *FILE_KINDS)  # others come from plug-ins
Action = Literal["quarantine", "block", "report"]
RuleKind = Literal[
    "not_null", "unique", "in_set", "pattern", "range", "length", "row_count", "functional_dependency", "expectation",
    "sql", "custom",
]  # fmt: skip
ValueMode = Literal["quarantine_row", "discard_value", "discard_row"]
DriftMode = Literal["evolve", "freeze", "discard", "quarantine"]
ReadMode = Literal["full", "watermark", "keys", "feed"]
FilesMode = Literal["snapshot", "append"]
BrokenFiles = Literal["report", "block"]
BlobPolicy = Literal["skip", "hash", "extract"]
Mask = Literal["pseudonym", "redact", "drop", "last4", "year"]
AggregateFunction = Literal["count", "sum", "mean", "min", "max", "distinct", "top"]


class Classification(IntEnum):
    """How far a value may travel. An unlabelled field is `internal`."""

    public = 0
    internal = 1
    confidential = 2
    restricted = 3


class Source(Declaration):
    """A system or export that rows come from.

    `kind` is one of SOURCE_KINDS or the name of an entry point in the group `landbridge.connectors`. `location` is a
    SQLAlchemy URL for `sql`, else a path relative to the project folder; a file dataset's `physical_name` is a file
    name or glob below it. It may hold `${env:NAME}`, `${env:NAME:-default}` or
    `${file:PATH}`, resolved at connect time by `catalog.secrets.resolve`.
    """

    name: str
    kind: str
    location: str
    description: str = ""
    owner: str = ""
    encoding: str = ""  # text files; any Python codec name; empty: it is detected
    separator: str | None = None  # csv; None: it is detected
    quote: str | None = None  # csv; None: it is detected, empty: there is none
    header_lines: int = 0  # fixed_width: lines to skip before the first record
    footer_pattern: str = ""  # fixed_width: a line that matches ends the records (a trailer)
    batch_rows: int = 100_000
    batch_bytes: int = 32 * 2**20  # a batch is handed over when it holds this much, however few rows that is
    cell_bytes: int = 64 * 2**20  # sql: a value above it is refused, unless the field's blob policy leaves it out
    connections: int = 1  # sql: most connections at once; above 1 a table is read in ranges of its key
    statement_timeout: float = 3600.0  # sql: seconds the server may work on one statement
    retries: int = 3  # sql: how often a lost connection is tried again, with growing pauses
    snapshot: Literal["run", "table"] = "run"  # sql: tables of one run are seen as they were at one moment
    reader: Literal["auto", "plain"] = "auto"  # sql: `plain` reads through SQLAlchemy only
    writable: bool = False  # sql: approved changes may be written back; nobody writes to a source that does not say so
    write_location: str = ""  # sql: the URL of an account that may write; empty: `location`
    settled_after: float = 5.0  # files: seconds without a change before a file counts as wholly written
    marker: str = ""  # files: glob of a marker, such as `{name}.done`, that must lie beside a file before it is read
    broken_files: BrokenFiles = "report"  # files: one that cannot be read is told, and the others go on, or all wait
    options: dict[str, Any] = {}  # of the format, of the place (`storage`), or of a plug-in's kind; each checks its own
    place: Place


class Unit(Declaration):
    """A conversion between units by their pint names: `{from: degF, to: degC}`."""

    source: str
    target: str


class Combine(Declaration):
    """A UTC timestamp built from a local date and a local wall-clock time.

    `zone` is an IANA name, or `zone_field` names the field that holds one. A time of 24:00 is the next day's midnight;
    `after` names a timestamp field that the result cannot precede (an arrival past midnight gets the next day).
    """

    date: str
    time: str
    zone: str = ""
    zone_field: str = ""
    after: str = ""


class Rule(Declaration):
    """One promise of the contract that is checked on every run.

    A row rule (`tolerance` None) names the rows that break it and acts on them; with a tolerance, or for kinds that
    look at the whole dataset (`row_count`, dataset-wide expectations, `sql`), the rule judges the dataset.
    `arguments` by kind: not_null {}; unique {fields}; in_set {values}; pattern {regex}; range {min, max};
    length {min, max}; row_count {min, max}; functional_dependency {fields}, which determine `field`;
    expectation {type, kwargs}; sql {query, min, max} over the table `{batch}`;
    custom {type, kwargs, module}: an entry point, or a function of a local module.
    """

    name: str
    kind: RuleKind
    field: str | None = None
    arguments: dict[str, Any] = {}
    tolerance: float | None = None  # failing share allowed, 0..1
    severity: Severity = "critical"
    action: Action = "quarantine"
    dimension: str = ""
    description: str = ""
    remedy: str = ""
    place: Place


class Relation(Declaration):
    """A reference from this dataset's fields to another dataset's fields, in the same order."""

    fields: tuple[str, ...]
    to_dataset: str
    to_fields: tuple[str, ...]
    place: Place


class Definition(Declaration):
    """Where something is defined with authority, and what kind of definition it is, such as businessDefinition."""

    url: str
    type: str
    id: str = ""
    description: str = ""


class Field(Declaration):
    """One property of a dataset: its name and type here, its name and habits in the source."""

    name: str
    physical_name: str
    type: LogicalType
    physical_type: str = ""
    title: str = ""
    description: str = ""
    required: bool = False
    unique: bool = False
    key_position: int | None = None  # 1-based position in the primary key
    classification: Classification = Classification.internal
    labelled: bool = False  # whether the contract says the classification, or it is the default
    personal: bool = False
    format: str | None = None  # JDK DateTimeFormatter pattern of the text, as ODCS says
    zone: str = "UTC"  # of values that carry none
    scale: int | None = None  # number: decimals, as exact Decimal; None is Float64
    null_values: tuple[str, ...] = ()
    decimal_comma: bool = False
    unit: Unit | None = None
    combine: Combine | None = None  # then there is no physical column
    start: int | None = None  # fixed width: first column, from 1
    length: int | None = None
    mask: Mask | None = None
    blob: BlobPolicy = "extract"  # a binary column: left out (null), its SHA-256 as text, or its content
    on_bad_value: ValueMode = "quarantine_row"
    expected: bool = False  # its absence is told in documents as a known gap
    definitions: tuple[Definition, ...] = ()
    place: Place


class Lookup(Declaration):
    """Columns borrowed from one matching row of another dataset; `fields` maps the new name to theirs."""

    dataset: str
    on: tuple[tuple[str, str], ...]  # (our field, their field)
    fields: dict[str, str]


class Aggregate(Declaration):
    """One figure about many rows. `top` lists the `limit` most frequent values of `field` with their counts."""

    name: str
    function: AggregateFunction
    field: str = ""
    limit: int = 5
    where_null: str = ""  # count only rows where this field is null
    decimals: int = 1


class Related(Declaration):
    """Rows of another dataset that belong to this document, told as aggregates `{name.aggregate}`."""

    name: str
    dataset: str
    on: tuple[tuple[str, str], ...]  # (our field, their field)
    lookups: tuple[Lookup, ...] = ()
    aggregates: tuple[Aggregate, ...]


class Children(Declaration):
    """Rows of another dataset that are told one by one below a document's text, a line each, `limit` at most.

    `order` names their fields, `-field` for the highest first; rows that tie stand in the order of their key.
    """

    name: str
    title: str  # above the list
    dataset: str
    on: tuple[tuple[str, str], ...]  # (our field, their field)
    text: str
    order: tuple[str, ...] = ()
    limit: int = 100
    lookups: tuple[Lookup, ...] = ()


class DocumentTemplate(Declaration):
    """How rows become text an agent can quote.

    `by` empty: one document per row, named by the primary key. Otherwise one document per group, and `aggregates` tell
    the rows of the group. The first template of a dataset covers every ready row and is the one accounting counts.
    `only_missing_in` keeps the groups whose `by` values have no match in that (dataset, field).
    Text: `{field}` inserts a value; `{field|unknown}` a substitute where it is null; `[[ ... ]]` vanishes when a value
    inside is null; `{known_gaps}` tells what is missing or contradictory about this key.
    """

    name: str
    title: str
    text: str
    by: tuple[str, ...] = ()
    only_missing_in: tuple[str, str] | None = None
    lookups: tuple[Lookup, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    related: tuple[Related, ...] = ()
    children: tuple[Children, ...] = ()
    keys: tuple[str, ...] = ()  # fields whose values route a question straight here; default: by, or the primary key
    place: Place


class FieldFreshness(Declaration):
    """The newest value of a date or timestamp `field`, up to now, must not be older than `max_age`."""

    field: str
    max_age: timedelta
    place: Place


class Incremental(Declaration):
    """How a database table is read again after the first time. Deletes are seen in every mode.

    full: all rows. watermark: rows whose physical column `column` is at or above the highest value held, less
    `overlap` (a Polars duration for moments, a whole number for numbers; measured on the source's values, never on our
    clock), and whatever the table's pairs of key and watermark show as new, changed or gone. keys: the database hashes
    its rows; those whose hash differs are fetched. feed: the database's own change log (`slot` and `publication` name
    PostgreSQL's; empty: made from the project's and source's name).
    """

    mode: ReadMode = "full"
    column: str = ""
    overlap: str = ""
    slot: str = ""
    publication: str = ""


class VolumeLimits(Declaration):
    """How many of the rows read may be lost on the way, as shares of 0..1; None: no more than is usual.

    Usual is the median of the last runs; a share that is more than `jump` above it is volume loss.
    """

    quarantined: float | None = None
    filtered: float | None = None
    duplicate: float | None = None
    failed: float | None = None
    jump: float = 0.05


class Dataset(Declaration):
    """A dataset contract: what rows mean, what is promised of them, who may see them, how they are told."""

    name: str
    version: str
    title: str
    description: str = ""
    domain: str = ""
    owner: str = ""
    status: str = "active"
    source: str
    physical_name: str
    granularity: str = ""
    definitions: tuple[Definition, ...] = ()
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()
    relations: tuple[Relation, ...] = ()
    gap_rules: tuple[GapRule, ...] = ()
    documents: tuple[DocumentTemplate, ...] = ()
    keep: dict[str, tuple[str, ...]] = {}  # field -> values in scope; other rows are filtered, and counted
    roles: tuple[str, ...] = ()  # empty: any caller with the clearance
    freshness: timedelta | None = None  # oldest acceptable age of the source read
    field_freshness: tuple[FieldFreshness, ...] = ()
    promises: tuple[str, ...] = ()  # names of the service levels that the contract declares, such as retention
    drift: DriftMode = "evolve"
    incremental: Incremental = Incremental()
    files: FilesMode = "snapshot"  # rows of a vanished file vanish, or stay
    query: str = ""  # sql: a SELECT that is read instead of the table `physical_name`
    quarantine_threshold: float = 0.15  # share of rows; above it the dataset is held
    deletion_threshold: float = 0.15  # share of live documents, and of rows read; above it the change is held
    volume: VolumeLimits = VolumeLimits()
    fingerprint: str  # SHA-256 of the contract's content, not of its comments or layout
    place: Place

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the primary key fields, in key order."""
        keyed = [field for field in self.fields if field.key_position is not None]
        return tuple(field.name for field in sorted(keyed, key=lambda field: field.key_position or 0))

    def field(self, name: str) -> Field:
        """The field called `name`; KeyError if the contract has none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


class Principal(Declaration):
    """A caller: who they are, how far they are cleared, which roles they hold."""

    name: str
    clearance: Classification = Classification.public
    roles: tuple[str, ...] = ()
    key: str = ""  # a secret reference to the API key; resolved when the server starts


class Policy(Declaration):
    """Who may see what. Without a key a caller is `anonymous`; with an unknown key nobody at all.

    `local` is the person at the command line, who can read the files anyway.
    """

    anonymous: Principal = Principal(name="anonymous")
    local: Principal = Principal(name="local", clearance=Classification.confidential)
    principals: tuple[Principal, ...] = ()


class ChunkSizes(Declaration):
    """How long the passages of documents are, in tokens of the model; None: as the model reads, and an eighth of it."""

    tokens: int | None = None  # of title, headings and text together; never more than the model reads
    overlap: int | None = None  # of sentences that are told again at the start of the next passage


class Term(Declaration):
    """A word of the business: what it means, what else it is called, and the fields (dataset, field) that hold it.

    `id` and `url` are what contracts name it by, in their definitions.
    """

    name: str
    id: str = ""
    url: str = ""
    definition: str
    synonyms: tuple[str, ...] = ()
    found_in: tuple[tuple[str, str], ...] = ()  # (dataset, field); an empty field: the dataset as a whole
    classification: Classification = Classification.internal
    roles: tuple[str, ...] = ()
    place: Place


class Project(Declaration):
    """A linked project folder: everything refers to something that exists."""

    name: str
    title: str = ""
    description: str = ""
    folder: Path
    sources: dict[str, Source]
    datasets: dict[str, Dataset]
    policy: Policy = Policy()
    entities: dict[str, Entity] = {}
    schedule: str = "0 2 * * *"  # cron, of the nightly run
    time_zone: str = "UTC"
    model: str = "all-MiniLM-L6-v2"
    min_similarity: float = 0.30  # cosine below which a passage is no answer
    chunks: ChunkSizes = ChunkSizes()
    glossary: tuple[Term, ...] = ()
    questions: tuple[str, ...] = ()  # shown by the demo
    alerts: tuple[AlertChannel, ...] = ()
    plugins: tuple[str, ...] = ()  # local modules with expectations, relative to the folder
    use_cases: tuple[UseCase, ...] = ()
    readiness: ReadinessPlan = ReadinessPlan()
    index: IndexPlan = IndexPlan()

    def urn(self, dataset: str, key: str) -> str:
        """The stable name of one record: `urn:landbridge:<project>:<dataset>:<key>`."""
        return f"urn:landbridge:{self.name}:{dataset}:{key}"
