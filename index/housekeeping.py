"""Keep the store small: merge small fragments, write deletions out, and forget versions that nobody may ask for.

What is forgotten is named version by version, never by the store's own timestamps: a clock that was set back prunes
nothing that is tagged and keeps nothing for ever. What is written anew stands on the disk beside the versions that
still need the old files, so a publication writes no more than fits beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from catalog.models import IndexPlan
from index.publications import PREFIX, Publication, newest_moment, publications
from index.weighing import IndexPart, Piece, Weight, weight_of

if TYPE_CHECKING:
    from index.store import Store
    from index.version import Version

MANY_FRAGMENTS = 16  # small ones; each costs every question a file to open
DELETED = 0.1  # of the table's rows: above, the fragments with most deletions are written anew without them
OVERDUE = 0.2  # above, they are written anew whatever the disk says: questions pay for deleted rows, too
PORTION = 6  # a publication writes at most this part of the table anew, so that none is much longer than another
DISK = 1.4  # times an index built fresh: what live, previous and what is written anew may take together
STALE = 0.05  # of an index built fresh: what one of its indices may hold of rows that are gone before it is merged
FRAGMENTS = 16  # of full size in a table, so that a portion is a few of them
SMALLEST, LARGEST = 256, 1_048_576  # rows of a fragment of full size
BATCH = 8_192  # rows in memory while they are written anew
MOST = 100  # publications kept, whatever the plan says; each run of many datasets makes several
GRACE = timedelta(minutes=10)  # readers may still hold what was live so long ago


def compact(store: Store, table: Version, *, before: int | None, now: datetime, sparing: bool = False) -> bool:
    """Write small fragments and those with most deletions anew, as far as there is room; whether anything was done.

    `before` is the version that will be `previous`; `sparing` leaves the room to an index that will be built anew. The
    rows move behind all others as if they had come again: no index is rewritten, the next segment covers them. What is
    stale of an index by that goes when it is merged, or with the last row that a segment covers.
    """
    weight = weight_of(table)
    if not weight.rows:
        return False
    staying = _staying(store, before, now)
    room = 0.0 if sparing else DISK * weight.fresh - sum((staying | weight.files).values())
    stale = _stale(weight, room)
    if stale is not None:
        lance: Any = table.to_lance()
        lance.optimize.optimize_indices(index_names=[stale.name], num_indices_to_merge=len(stale.segments))
        table.checkout_latest()
        room -= stale.fresh
    chosen = _chosen(weight, staying, room=int(room * weight.rows / weight.fresh))
    if chosen:
        _write_anew(table, chosen, fragment_rows(weight.rows))
    return bool(chosen)


def fragment_rows(rows: int) -> int:
    """The rows of a fragment of full size, in a table of so many."""
    return min(max(rows // FRAGMENTS, SMALLEST), LARGEST)


def prune(store: Store, plan: IndexPlan, *, keep: Iterable[int] = ()) -> tuple[int, ...]:
    """Forget what nobody may ask for any more, and the files that killed runs left; the versions that are kept.

    Kept are the tagged versions: `live`, `previous`, and publications within the plan's history. Only for who holds
    the writer's lock.
    """
    table = store.latest()
    if table is None:
        return ()
    pinned = {int(tag["version"]) for name, tag in store.tags().items() if not name.startswith(PREFIX)} | {*keep}
    book = publications(store)
    wanted = _within(store, book, plan, pinned, newest_moment(book))
    for one in book:
        if one.version not in wanted:
            store.drop_tag(f"{PREFIX}{one.version}")
    lost = [version for version in store.versions if version not in wanted]
    store.fence()  # the unverified files could be those of a run that took over
    lance: Any = table.to_lance()
    # unverified files are those of runs that were killed: we hold the lock, so no run is under way
    lance.cleanup_old_versions(
        versions=lost or [table.version], error_if_tagged_old_versions=False, delete_unverified=True
    )
    return tuple(sorted(wanted))


def _stale(weight: Weight, room: float) -> IndexPart | None:
    """The index to be merged because it holds much of rows that are gone; earlier where later there may be no room."""
    part = max(weight.indices, key=lambda one: one.stale, default=None)
    if part is None or part.fresh > room:
        return None
    step = STALE * weight.fresh
    return part if part.stale > (step / 2 if room < part.fresh + step else step) else None


def _chosen(weight: Weight, staying: dict[str, int], *, room: int) -> list[Piece]:
    """The fragments to write anew.

    `room` is in rows. Those that no version has which stays take none, as their files go: so what was just loaded is
    cut and merged at once, before it is too much to write anew.
    """
    stay = [one for one in weight.pieces if one.sizes.keys() & staying.keys()]
    target = fragment_rows(weight.rows)
    small = [one for one in weight.pieces if one.physical < target]
    chosen = [one for one in weight.pieces if one not in stay and one.physical > 2 * target]
    gone = 1 - weight.rows / sum(one.physical for one in weight.pieces)
    if gone <= DELETED and len(small) < MANY_FRAGMENTS:
        return chosen
    holed = [one for one in weight.pieces if one.deleted and one not in small and one not in chosen]
    holed.sort(key=lambda one: one.deleted, reverse=True)
    portion = max(weight.rows // PORTION, target)
    left = portion if gone > OVERDUE else min(room, portion)
    if gone > OVERDUE and holed and holed[0].live > portion:
        return [*chosen, holed[0]]  # too large for any portion, as fragments once were: from now on they are small
    for one in (*small, *holed):
        cost = one.live if one in stay else 0
        if cost <= left:
            chosen.append(one)
            left -= cost
    return chosen if len(chosen) > 1 or any(one.deleted for one in chosen) else []


def _write_anew(table: Version, chosen: Sequence[Piece], target: int) -> None:
    """Commit the rows of these fragments as new ones of full size, which no index covers yet."""
    from lance import LanceDataset, LanceOperation
    from lance.fragment import write_fragments

    lance: Any = table.to_lance()
    rows = sum(one.live for one in chosen)
    scanned = lance.scanner(fragments=[one.fragment for one in chosen], batch_size=BATCH).to_reader()
    made = write_fragments(scanned, lance, max_rows_per_file=-(-rows // max(1, rows // target)))
    gone = [one.fragment.fragment_id for one in chosen]
    moved = LanceOperation.Update(removed_fragment_ids=gone, new_fragments=made)
    LanceDataset.commit(lance, moved, read_version=lance.version)
    table.checkout_latest()


def _staying(store: Store, before: int | None, now: datetime) -> dict[str, int]:
    """The files, with their bytes, of the versions that stay after a publication: `before`, and what readers hold."""
    book = publications(store)
    latest = max(now, newest_moment(book) or now)
    pinned = set() if before is None else {before}
    wanted = _within(store, book, IndexPlan(history=timedelta(0)), pinned, latest)
    return _files(store, wanted)


def _files(store: Store, versions: set[int]) -> dict[str, int]:
    """The files of these versions, as far as they are kept, with their bytes."""
    files: dict[str, int] = {}
    for version in versions & {*store.versions}:
        files |= weight_of(store.at(version)).files
    return files


def _within(
    store: Store, book: list[Publication], plan: IndexPlan, pinned: set[int], latest: datetime | None
) -> set[int]:
    """The versions to keep: the pinned ones, then publications from the newest back while time and disk allow."""
    files, live = _files(store, pinned), store.published()
    budget = (1 + plan.history_disk) * (weight_of(live).fresh if live is not None else 0)
    wanted, kept_from = set(pinned), latest
    for one in sorted(book, key=lambda one: max(one.moments), reverse=True)[:MOST]:
        if latest is None or kept_from is None:
            break
        ended, kept_from = kept_from, max(one.moments)  # it was live until the next one was
        if one.version in pinned:
            continue
        more = files | weight_of(store.at(one.version)).files
        fresh = latest - ended <= GRACE
        if not fresh and (latest - ended > plan.history or sum(more.values()) > budget):
            break
        files = more
        wanted.add(one.version)
    return wanted
