"""A shop whose rows and declarations change by chance, and what may be told of it, worked out from both by hand.

Nothing of the product makes the expected answers: texts, labels and places are plain Python over the rows.
"""

from __future__ import annotations

import csv
import random
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

DECLARED_SOURCES: Mapping[str, Mapping[str, Any]] = {
    "table": {"kind": "sql", "location": "sqlite:///systems/items.db"},
    "sheet": {"kind": "csv", "location": "systems", "encoding": "utf-8"},
    "records": {"kind": "fixed_width", "location": "systems", "encoding": "utf-8", "headerLines": 1},
}
SOURCES = tuple(DECLARED_SOURCES)
HOLDS = {"table": "ITEMS", "sheet": "items.csv", "records": "ITEMS.TXT"}
WIDTHS = {"id": 12, "name": 24, "maker": 6, "price": 8, "secret": 20}
NAMES = ("bolt", "Öse", "螺丝", "مسمار", "винт", "βίδα", "नट", "pin, \"long\"", "it's 🔩", "a b")  # fmt: skip
SECRETS = tuple(f"Zeugnis-{number:04d}" for number in range(40))  # found in no other text
MAKERS = {"M1": "First Works", "M2": "Zweite Hütte", "M3": "第三工厂"}
LEVELS = ("public", "internal", "confidential", "restricted")
KEYED: Mapping[str, Any] = {"primaryKey": True, "primaryKeyPosition": 1, "required": True}
ROLES: tuple[tuple[str, ...], ...] = ((), ("ops",), ("audit",), ("ops", "audit"))
MASKS = (None, "redact", "last4")


T = TypeVar("T")


class Item(NamedTuple):
    """A row at the source."""

    id: str
    name: str
    maker: str | None
    price: int | None
    secret: str | None


class Told(NamedTuple):
    """A document as a caller gets it: what is answered, its labels, and where it comes from."""

    urn: str
    title: str
    text: str
    classification: int
    roles: tuple[str, ...]
    source: str
    location: str


@dataclass(frozen=True)
class Declared:
    """What the owner declares at one moment; `columns` are the names of the columns at the source."""

    source: str
    columns: Mapping[str, str] = field(default_factory=lambda: {name: name.upper() for name in Item._fields})
    levels: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(Item._fields, "public"))
    mask: str | None = "redact"
    roles: tuple[str, ...] = ()
    card: int = 0
    group: int | None = 0
    version: int = 1


@dataclass
class Shop:
    """The rows and the declarations now; `step` changes one thing, `write` brings both to disk."""

    folder: Path
    draw: random.Random
    declared: Declared
    items: list[Item] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path, seed: int) -> Shop:
        """A shop with some rows or none, drawn from a seed."""
        draw = random.Random(seed)  # noqa: S311 - it guards nothing
        shop = cls(folder, draw, Declared(SOURCES[seed % len(SOURCES)]))
        for _ in range(draw.choice((1, 4, 9))):
            shop.insert()
        return shop

    def step(self) -> str:
        """One change, and its name."""
        change = self.draw.choice(CHANGES)
        change(self)
        return change.__name__

    def insert(self) -> None:
        """A new row; its key may be one that was there before."""
        known = {item.id for item in self.items}
        free = [key for key in (f"K{number}" for number in range(1, 30)) if key not in known]
        self.items.insert(self.draw.randint(0, len(self.items)), self._row(self.draw.choice(free)))

    def update(self) -> None:
        """Some row has other values."""
        if self.items:
            at = self._any()
            self.items[at] = self._row(self.items[at].id)

    def delete(self) -> None:
        """Some rows are gone, at times all of them."""
        for _ in range(self.draw.choice((1, 1, 2, 30))):
            if self.items:
                del self.items[self._any()]

    def rename_key(self) -> None:
        """A row is known by another key, which another row may have had."""
        if self.items:
            at, known = self._any(), {item.id for item in self.items}
            new = self.draw.choice([key for key in (f"K{number}" for number in range(1, 30)) if key not in known])
            self.items[at] = self.items[at]._replace(id=new)

    def rename_column(self) -> None:
        """A column has another name at the source and in the contract."""
        name = self.draw.choice(("name", "maker", "price", "secret"))
        self._declare(columns={**self.declared.columns, name: f"{name.upper()}_{self.draw.randint(2, 99)}"})

    def change_mask(self) -> None:
        """The secret is masked in another way, or no more."""
        self._declare(mask=self._another(MASKS, self.declared.mask))

    def change_level(self) -> None:
        """A field is of another class."""
        name = self.draw.choice(("name", "maker", "price", "secret"))
        level = self._another(LEVELS, self.declared.levels[name])
        self._declare(levels={**self.declared.levels, name: level})

    def change_roles(self) -> None:
        """Other roles may read what is not public."""
        self._declare(roles=self._another(ROLES, self.declared.roles))

    def change_card(self) -> None:
        """The text about an item is another."""
        self._declare(card=self._another(range(len(CARDS)), self.declared.card))

    def change_group(self) -> None:
        """The text about a maker is another, or there is none any more, or again."""
        self._declare(group=self._another((None, *range(len(GROUPS))), self.declared.group))

    def swap_source(self) -> None:
        """The rows come from another system."""
        self._declare(source=self._another(SOURCES, self.declared.source))

    def _declare(self, **changes: Any) -> None:
        self.declared = replace(self.declared, version=self.declared.version + 1, **changes)

    def _another(self, choices: Iterable[T], now: T) -> T:
        return self.draw.choice([one for one in choices if one != now])

    def _any(self) -> int:
        return self.draw.randrange(len(self.items))

    def _row(self, key: str) -> Item:
        pick = self.draw.choice
        return Item(key, pick(NAMES), pick((*MAKERS, "M9", None)), pick((None, 5, 12, 990)), pick((*SECRETS, None)))

    def write(self) -> None:
        """Rows and declarations as they are now."""
        systems = self.folder / "systems"
        for name in ("sources", "datasets", "policies", "systems"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        _yaml(self.folder / "project.yaml", {"name": "shop", "model": "hashed-words"})
        _yaml(self.folder / "policies" / "access.yaml", {"local": {"clearance": "restricted"}})
        for name, said in DECLARED_SOURCES.items():
            _yaml(self.folder / "sources" / f"{name}.yaml", {"name": name, **said})
        _yaml(self.folder / "datasets" / "items.odcs.yaml", self._contract())
        _yaml(self.folder / "datasets" / "makers.odcs.yaml", _makers())
        _sheet(systems / "makers.csv", ("CODE", "TITLE"), list(MAKERS.items()))
        header = tuple(self.declared.columns[name] for name in Item._fields)
        rows = [tuple(item) for item in self.items]
        _sheet(systems / "items.csv", header, rows)
        _records(systems / "ITEMS.TXT", rows)
        _table(systems / "items.db", header, rows)

    def _contract(self) -> dict[str, Any]:
        now, start = self.declared, 1
        properties: list[dict[str, Any]] = []
        for name in Item._fields:
            custom: list[dict[str, Any]] = [
                {"property": "landbridge.position", "value": {"start": start, "length": WIDTHS[name]}}
            ]
            start += WIDTHS[name]
            if name == "secret" and now.mask:
                custom.append({"property": "landbridge.mask", "value": now.mask})
            properties.append({
                "name": name, "physicalName": now.columns[name], "classification": now.levels[name],
                "logicalType": "integer" if name == "price" else "string", "customProperties": custom,
                **(KEYED if name == "id" else {}),
            })  # fmt: skip
        documents: list[dict[str, Any]] = [{"name": "card", "title": "Item {id}", "text": CARDS[now.card].template}]
        if now.group is not None:
            documents.append({"name": "maker", "by": ["maker"], "title": "Maker {maker}", **GROUPS[now.group].template})
        contract = _odcs("items", now.source, HOLDS[now.source], properties, documents, version=f"{now.version}.0.0")
        if now.roles and set(now.levels.values()) != {"public"}:  # a contract that guards what is public is refused
            contract["roles"] = [{"role": role, "access": "read"} for role in now.roles]
        return contract

    def expected(self) -> set[Told]:
        """Every document there is to be."""
        found = {self._card(at, item) for at, item in enumerate(self.items)}
        return found | self._groups()

    def _card(self, at: int, item: Item) -> Told:
        kind, masked = CARDS[self.declared.card], self._masked(item.secret)
        text = kind.told(item._replace(secret=masked))
        return self._told(item.id, f"Item {item.id}", text, {"id", *kind.uses}, self._place(at))

    def _groups(self) -> set[Told]:
        if self.declared.group is None:
            return set()
        kind, found = GROUPS[self.declared.group], set()
        for maker in {item.maker for item in self.items}:
            at = [position for position, item in enumerate(self.items) if item.maker == maker]
            text = kind.told(maker, [self.items[one] for one in at])
            place = self._place(at[0]) if len(at) == 1 else self._place(at[0]).rpartition(":")[0]
            key = f"maker:{'(none)' if maker is None else maker}"
            found.add(self._told(key, f"Maker {maker or 'unknown'}", text, {"maker", *kind.uses}, place))
        return found

    def _told(self, key: str, title: str, text: str, uses: set[str], place: str) -> Told:
        level = max(self._level(name) for name in uses)
        roles = self.declared.roles if level else ()
        return Told(f"urn:landbridge:shop:items:{key}", title, text, level, roles, self.declared.source, place)

    def _level(self, name: str) -> int:
        level = LEVELS.index(self.declared.levels[name])
        return min(level, 1) if name == "secret" and self.declared.mask else level

    def _masked(self, value: str | None) -> str | None:
        if value is None or self.declared.mask is None:
            return value
        return "[redacted]" if self.declared.mask == "redact" else f"****{value[-4:]}"

    def _place(self, at: int) -> str:
        """Rows of a database are told by their place in the order of the key, those of a file by their line."""
        if self.declared.source == "table":
            order = sorted(item.id for item in self.items)
            return f"ITEMS:{order.index(self.items[at].id) + 1}"
        return f"systems/{HOLDS[self.declared.source]}:{at + 2}"  # below the line with the names of the columns


CHANGES: tuple[Callable[[Shop], None], ...] = (
    Shop.insert, Shop.insert, Shop.update, Shop.update, Shop.delete, Shop.rename_key, Shop.rename_column,
    Shop.change_mask, Shop.change_level, Shop.change_roles, Shop.change_card, Shop.change_group, Shop.swap_source,
)  # fmt: skip


class Card(NamedTuple):
    """A text about one row: as it is declared, as it reads, and the fields it tells."""

    template: str
    told: Callable[[Item], str]
    uses: frozenset[str]


class Group(NamedTuple):
    """A text about the rows of one maker."""

    template: dict[str, Any]
    told: Callable[[str | None, list[Item]], str]
    uses: frozenset[str]


def _dearest(items: list[Item]) -> str:
    return str(max((item.price for item in items if item.price is not None), default="unknown"))


CARDS = (
    Card("{name} costs {price|no price}.",
         lambda item: f"{item.name} costs {'no price' if item.price is None else item.price}.",
         frozenset({"name", "price"})),
    Card("{name}[[, made by {maker},]] is sold.",
         lambda item: f"{item.name}{f', made by {item.maker},' if item.maker else ''} is sold.",
         frozenset({"name", "maker"})),
    Card("The secret of {name} is {secret|not known}.",
         lambda item: f"The secret of {item.name} is {item.secret or 'not known'}.",
         frozenset({"name", "secret"})),
    Card("Only {id} is told.", lambda item: f"Only {item.id} is told.", frozenset()),
)  # fmt: skip
COUNT = {"name": "count", "function": "count"}
GROUPS = (
    Group({"text": "{maker|Nobody} makes {count} items.", "aggregates": [COUNT]},
          lambda maker, items: f"{maker or 'Nobody'} makes {len(items)} items.",
          frozenset()),
    Group({"text": "{maker_name|Somebody} asks {dearest|unknown} at most.",
           "lookups": [{"dataset": "makers", "on": {"maker": "code"}, "fields": {"maker_name": "title"}}],
           "aggregates": [{"name": "dearest", "function": "max", "field": "price"}]},
          lambda maker, items: f"{MAKERS.get(maker or '', 'Somebody')} asks {_dearest(items)} at most.",
          frozenset({"price"})),
)  # fmt: skip


def _odcs(
    name: str, source: str, holds: str, properties: list[dict[str, Any]], documents: list[dict[str, Any]],
    *, version: str = "1.0.0",
) -> dict[str, Any]:  # fmt: skip
    custom = {"source": source, "deletionThreshold": 1.0, "quarantineThreshold": 1.0, "documents": documents}
    return {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": f"shop.{name}", "name": name, "version": version,
        "status": "active", "schema": [{"name": name, "physicalName": holds, "properties": properties}],
        "customProperties": [{"property": f"landbridge.{key}", "value": value} for key, value in custom.items()],
    }  # fmt: skip


def _makers() -> dict[str, Any]:
    properties: list[dict[str, Any]] = [
        {"name": "code", "physicalName": "CODE", "logicalType": "string", "classification": "public", **KEYED},
        {"name": "title", "physicalName": "TITLE", "logicalType": "string", "classification": "public"},
    ]
    told = [{"name": "works", "title": "Works {code}", "text": "{code} is {title}."}]
    return _odcs("makers", "sheet", "makers.csv", properties, told)


def _yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _sheet(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def _records(path: Path, rows: list[tuple[Any, ...]]) -> None:
    lines = ("".join(str("" if value is None else value).ljust(WIDTHS[name])
                     for name, value in zip(WIDTHS, row, strict=True)) for row in [tuple(WIDTHS), *rows])  # fmt: skip
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _table(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE IF EXISTS ITEMS")
        columns = ", ".join(f'"{name}" {"INTEGER" if "PRICE" in name else "TEXT"}' for name in header)
        database.execute(f"CREATE TABLE ITEMS ({columns}, PRIMARY KEY (ID))")
        database.executemany(f"INSERT INTO ITEMS VALUES ({', '.join('?' * len(header))})", rows)  # noqa: S608
    database.close()
