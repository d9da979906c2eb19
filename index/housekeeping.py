"""Keep the store small: merge small fragments, write deletions out, and forget versions that nobody may ask for.

What is forgotten is named version by version, never by the store's own timestamps: a clock that was set back prunes
nothing that is tagged and keeps nothing for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from catalog.models import IndexPlan
from index.publications import PREFIX, Publication, newest_moment, publications
from index.tuning import newest

if TYPE_CHECKING:
    from lancedb.table import LanceTable

    from index.store import Store

MANY_FRAGMENTS = 16  # small ones; each costs every question a file to open
DELETED = 0.1  # of a fragment's rows: above, the fragment is written anew without them
PORTION = 4  # a run writes at most this part of the table anew, so that no night is much longer than another
SMALLEST, LARGEST = 4_096, 1_048_576  # rows of a fragment that is left alone
MOST = 100  # publications kept, whatever the plan says; each run of many datasets makes several
GRACE = timedelta(minutes=10)  # readers may still hold what was live so long ago


def compact(table: LanceTable) -> bool:
    """Merge small fragments and write out deletions where there are enough of either; whether anything was done."""
    lance: Any = table.to_lance()
    fragments = [(one.physical_rows, one.num_deletions) for one in lance.get_fragments()]
    rows = sum(physical - deleted for physical, deleted in fragments)
    target = min(max(rows // 8, SMALLEST), LARGEST)
    small = sum(1 for physical, _ in fragments if physical < target)
    holed = any(deleted > DELETED * physical for physical, deleted in fragments)
    if small < MANY_FRAGMENTS and not holed:
        return False
    portion = max(rows // PORTION, 2 * max((physical for physical, _ in fragments), default=0), SMALLEST)
    first = not table.list_indices()  # what was just loaded is merged at once: there is no index to write anew with it
    done = lance.optimize.compact_files(
        target_rows_per_fragment=target,
        materialize_deletions_threshold=DELETED,
        max_source_rows=None if first else portion,
    )
    newest(table)
    return bool(done.fragments_removed)


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
    wanted = _within(store, book, plan, pinned)
    for one in book:
        if one.version not in wanted:
            store.drop_tag(f"{PREFIX}{one.version}")
    lost = [version for version in store.versions if version not in wanted]
    store.fence()  # the unverified files could be those of a run that took over
    lance: Any = table.to_lance()
    # unverified files are those of runs that were killed: we hold the lock, so no run is under way
    lance.cleanup_old_versions(
        versions=lost or [int(table.version)], error_if_tagged_old_versions=False, delete_unverified=True
    )
    return tuple(sorted(wanted))


def file_sizes(table: LanceTable) -> dict[str, int]:
    """Bytes of each file that the version of this handle is made of, by name; an index counts as one."""
    lance: Any = table.to_lance()
    sizes: dict[str, int] = {}
    for fragment in lance.get_fragments():
        for file in fragment.data_files():
            sizes[f"data/{file.path}"] = int(file.file_size_bytes or 0)
    for index in lance.describe_indices():
        sizes |= {f"_indices/{one.uuid}": int(one.size_bytes or 0) for one in index.segments}
    return sizes


def _within(store: Store, book: list[Publication], plan: IndexPlan, pinned: set[int]) -> set[int]:
    """The versions to keep: the pinned ones, then publications from the newest back while time and disk allow."""
    files: dict[str, int] = {}
    for version in pinned & {*store.versions}:
        files |= file_sizes(store.at(version))
    live = store.live()
    served = sum(file_sizes(live).values()) if live is not None else 0
    latest, budget = newest_moment(book), served * (1 + plan.history_disk)
    wanted, kept_from = set(pinned), latest
    for one in sorted(book, key=lambda one: max(one.moments), reverse=True)[:MOST]:
        if latest is None or kept_from is None:
            break
        ended, kept_from = kept_from, max(one.moments)  # it was live until the next one was
        if one.version in pinned:
            continue
        more = files | file_sizes(store.at(one.version))
        fresh = latest - ended <= GRACE
        if not fresh and (latest - ended > plan.history or sum(more.values()) > budget):
            break
        files = more
        wanted.add(one.version)
    return wanted
