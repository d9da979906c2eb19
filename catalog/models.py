"""The declarations of a project as frozen values: one class per idea, linked and checked once by the loader.

`Dataset` *is* the contract. Names follow the Open Data Contract Standard (ODCS) where it has a word, and what it has no
word for is read from `customProperties` whose names begin with `landbridge.`.
"""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from catalog.entity_models import Entity
from catalog.places import Place as Place

LogicalType = Literal["string", "integer", "number", "boolean", "date", "timestamp", "time"]
FILE_KINDS = (
    "csv", "fixed_width", "mainframe", "ndjson", "json", "xml", "parquet", "arrow", "excel", "dbf", "sas", "spss",
    "stata", "access", "hl7", "edifact", "x12", "mail", "document", "markdown", "files",
)  # fmt: skip
SOURCE_KINDS = ("sql", *FILE_KINDS)  # others come from plug-ins
Severity = Literal["critical", "warning", "info"]
Action = Literal["quarantine", "block", "report"]
RuleKind = Literal[
    "not_null", "unique", "in_set", "pattern", "range", "length", "row_count", "functional_dependency", "expectation",
    "sql", "custom",
]  # fmt: skip
GapKind = Literal[
    "missing_reference", "missing_value", "missing_period", "missing_entity", "missing_sequence", "stale_field",
    "segment_coverage", "mixed_format", "conflict",
]  # fmt: skip
GapDirection = Literal["forward", "backward", "both"]
GapCalendar = Literal["all", "weekdays"]
ValueMode = Literal["quarantine_row", "discard_value", "discard_row"]
DriftMode = Literal["evolve", "freeze", "discard", "quarantine"]
ReadMode = Literal["full", "watermark", "keys", "feed"]
FilesMode = Literal["snapshot", "append"]
BrokenFiles = Literal["report", "block"]
BlobPolicy = Literal["skip", "hash", "extract"]
Mask = Literal["pseudonym", "redact", "drop", "last4", "year"]
DimensionName = Literal["completeness", "validity", "consistency", "freshness", "governance", "retrievability"]
AggregateFunction = Literal["count", "sum", "mean", "min", "max", "distinct", "top"]


class Classification(IntEnum):
    """How far a value may travel. An unlabelled field is `internal`."""

    public = 0
    internal = 1
    confidential = 2
    restricted = 3


class Declaration(BaseModel):
    """A frozen value read from YAML; a key nobody knows is an error, not a shrug."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
    place: Place


def _in_order(value: object) -> object:
    """One name as a list of one; none for an empty one."""
    return (value,) if isinstance(value, str) and value else value or ()


SystemsInOrder = Annotated[tuple[str, ...], BeforeValidator(_in_order)]


class ConflictField(Declaration):
    """A field both systems hold; numbers agree within `tolerance`, text agrees after case and blanks are folded.

    `system_of_record` lists the datasets whose value wins, the first that says anything; empty: the rule's.
    """

    field: str
    other: str
    tolerance: float = 0.0
    system_of_record: SystemsInOrder = ()


class GapRule(Declaration):
    """A gap that only shows across rows, periods or systems. It reports; it never moves a row.

    missing_reference: `fields` -> `to_dataset.to_fields`, in `direction`; `also_in` lists (dataset, field) registers
    that may know the absent key; what is younger than `lateness`, by `late_from` here or `their_late_from` there, may
    still arrive. missing_value: null share of `field` above `max_share`. missing_period: every `every` of `field` is
    there between first and last (or `start`..`end`), per `per`, but for days that `calendar` or `holidays` close.
    missing_entity: each of `systems` knows every entity that `fields` name in the rows that `where` keeps.
    missing_sequence: no number of `field` is left out between first and last, per `per`. stale_field: `changed` is not
    older than `to_dataset.their_changed` of the row joined by `on` by more than `max_age`; `field` is what it speaks
    of. segment_coverage: null share of `field` surely above `max_share` in a segment of `per` with `min_rows` or more.
    mixed_format: values of the text `field` in another shape than the rest. conflict: `on` joins this dataset to
    `to_dataset`; `compare` lists the fields; `system_of_record` lists the datasets whose value wins, the first that
    says anything; `changed` here and `their_changed` there say how recent each word is.
    """

    name: str
    kind: GapKind
    title: str = ""
    field: str = ""
    fields: tuple[str, ...] = ()
    to_dataset: str = ""
    to_fields: tuple[str, ...] = ()
    also_in: tuple[tuple[str, str], ...] = ()
    direction: GapDirection = "forward"
    late_from: str = ""
    their_late_from: str = ""
    lateness: str = ""  # Polars duration text
    max_share: float = 0.0
    min_rows: int = 20
    every: str = ""  # Polars duration text, such as 1h or 1d
    per: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    calendar: GapCalendar = "all"
    holidays: tuple[str, str] | None = None  # dataset, and its date field
    systems: tuple[tuple[str, str], ...] = ()  # (dataset, field), in the order of `fields` for each dataset
    where: dict[str, tuple[str, ...]] = {}
    on: tuple[tuple[str, str], ...] = ()
    changed: str = ""
    their_changed: str = ""
    max_age: str = ""  # Polars duration text
    compare: tuple[ConflictField, ...] = ()
    system_of_record: SystemsInOrder = ()
    severity: Severity = "warning"
    owner: str = ""
    remedy: str = ""
    place: Place

    def record_of(self, compared: ConflictField) -> tuple[str, ...]:
        """The systems of record of one compared field, in order: its own, else the rule's."""
        return compared.system_of_record or self.system_of_record

    def named(self, own: str) -> tuple[tuple[str, str], ...]:
        """Every (dataset, field) that the rule of the dataset `own` names: all that its findings may quote."""
        ours = (self.field, *self.fields, *self.per, *self.where, self.late_from, self.changed,
                *(mine for mine, _ in self.on), *(one.field for one in self.compare))  # fmt: skip
        theirs = (*self.to_fields, self.their_late_from, self.their_changed,
                  *(their for _, their in self.on), *(one.other for one in self.compare))  # fmt: skip
        pairs = [*((own, name) for name in ours), *((self.to_dataset, name) for name in theirs)]
        pairs += [*self.also_in, *self.systems, *((self.holidays,) if self.holidays else ())]
        return tuple(dict.fromkeys(pair for pair in pairs if all(pair)))


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


class AgentQuestion(Declaration):
    """What an agent will ask, and what must be among the first five answers: a record by its URN, or a dataset."""

    ask: str
    expect: str


class UseCase(Declaration):
    """What agents are to do with some datasets, and the readiness score below which they should not."""

    name: str
    title: str = ""
    owner: str = ""
    datasets: tuple[str, ...]
    questions: tuple[AgentQuestion, ...] = ()
    minimum: float = 80.0
    severity: Literal["critical", "warning"] = "warning"  # of a score below the minimum
    place: Place


class ReadinessPlan(Declaration):
    """How readiness is weighed: a dimension without a weight weighs 1, a dataset without a minimum has none."""

    weights: dict[DimensionName, float] = {}
    minimum: float | None = None  # of every dataset
    minimums: dict[str, float] = {}  # of single datasets
    severity: Literal["critical", "warning"] = "warning"  # of a dataset's score below its minimum

    def minimum_of(self, dataset: str) -> float | None:
        """The lowest score that the dataset should have; None where nothing is declared."""
        return self.minimums.get(dataset, self.minimum)


class MailTo(Declaration):
    """Who gets a mail, from whom, and through which server: `smtp` is a reference to `smtp://user:password@host:port`."""

    to: tuple[str, ...]
    sender: str
    smtp: str


class AlertChannel(Declaration):
    """Where findings are told when they open: a `webhook` on the declared `host`, or a `mail`.

    Told are findings at least as grave as `least`, in their first opening (`new`) or a later one (`reopened`), each
    once. `webhook` and `signing_key` are secret references.
    """

    name: str
    webhook: str = ""
    host: str = ""
    signing_key: str = ""
    mail: MailTo | None = None
    least: Literal["critical", "warning"] = "critical"
    states: tuple[Literal["new", "reopened"], ...] = ("new", "reopened")
    link: str = ""  # where a person looks further; told with every alert
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
    questions: tuple[str, ...] = ()  # shown by the demo
    alerts: tuple[AlertChannel, ...] = ()
    plugins: tuple[str, ...] = ()  # local modules with expectations, relative to the folder
    use_cases: tuple[UseCase, ...] = ()
    readiness: ReadinessPlan = ReadinessPlan()

    def urn(self, dataset: str, key: str) -> str:
        """The stable name of one record: `urn:landbridge:<project>:<dataset>:<key>`."""
        return f"urn:landbridge:{self.name}:{dataset}:{key}"
