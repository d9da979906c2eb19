"""A rollback moves the index and everything that goes with it, and the next run goes forward again."""

import threading

import polars as pl
import pytest

import index
from catalog.errors import ContractBlocked, IndexStoreError
from index.cards import CATALOG
from index.publications import publications as publications_of
from pipelines import publications, stages
from pipelines.store import read_json
from serving.context import open_context


def refresh(shop, city, *, run, amount=1.0):
    """One night in which the first customer lives in `city`, and every order is of that amount."""
    shop.customers_are([("C1", "Ann", "ann@example.org", city), ("C2", "Bob", "bob@example.org", "Hamburg")])
    shop.orders_are([(number, f"C{1 + number % 2}", amount) for number in range(1, 6)])
    site = shop.site()
    for name in site.project.datasets:
        stages.pull(site, name, run_id=run)
        stages.make_ready(site, name, run_id=run)
    stages.find_gaps(site, run_id=run)
    for name in site.project.datasets:
        stages.make_indexed(site, name, run_id=run)
    stages.make_cards(site, run_id=run)
    return site


def served(site):
    """All that the index, the published rows and the manifests tell."""
    texts = index.Store(site.home.index).read(["id", "text", "title"], at="live").sort("id")
    rows = [pl.read_parquet(site.home.published(name)).to_dicts() for name in sorted(site.project.datasets)]
    memos = [read_json(site.home.manifest("indexed", name))["memo"] for name in (*site.project.datasets, CATALOG)]
    return texts.rows(), rows, memos


def titled(shop, title):
    """The contract of the orders under another title, which their card tells."""
    orders = shop.orders()
    orders["schema"][0]["businessName"] = title
    shop.write("datasets/orders.odcs.yaml", orders)


@pytest.fixture
def two_nights(shop):
    """Two nights, of which the second changes both datasets and a card."""
    first = served(refresh(shop, "Bonn", run="first"))
    titled(shop, "Purchases")
    site = refresh(shop, "Kiel", run="second", amount=2.0)
    assert served(site) != first
    return shop, site, first


def test_a_rollback_takes_back_the_whole_run_with_rows_manifests_and_cards(two_nights):
    _, site, first = two_nights
    second = served(site)
    done = publications.roll_back(site, run_id="back")
    assert done.datasets == ("customers", "orders")
    assert served(site) == first
    assert index.Store(site.home.index).tag("live") == done.version
    again = publications.roll_back(site, run_id="forth")
    assert (again.version, again.before) == (done.before, done.version)
    assert served(site) == second


def test_each_publication_of_a_run_can_be_asked_as_of_then(two_nights):
    _, site, _ = two_nights
    store = index.Store(site.home.index)
    book = publications_of(store)
    assert [one.run for one in book] == ["first"] * 3 + ["second"] * 3
    assert {one.before for one in book} == {None, book[2].version}
    assert [index.version_as_of(store, one.version) for one in book] == [one.version for one in book]


def test_the_run_after_a_rollback_goes_forward_from_there(two_nights):
    shop, site, first = two_nights
    second = served(site)
    publications.roll_back(site, run_id="back")
    again = refresh(shop, "Kiel", run="third", amount=2.0)
    assert served(again) == second
    account, findings = stages.verify_indexed(again, "customers", run_id="third")
    assert account.balanced and findings == ()
    publications.roll_back(again, run_id="back")
    assert served(again) == first


def test_an_asset_that_is_run_alone_is_a_run_of_its_own(two_nights):
    shop, site, _ = two_nights
    second = served(site)
    shop.customers_are([("C1", "Ann", "ann@example.org", "Ulm"), ("C2", "Bob", "bob@example.org", "Hamburg")])
    for stage in (stages.pull, stages.make_ready, stages.make_indexed):
        stage(site, "customers", run_id="alone")
    assert served(site) != second
    publications.roll_back(site, run_id="back")
    assert served(site) == second


def dying(at):
    """A stand-in that lets a number of calls pass and ends the run, as a kill would, at the next."""

    def wrapped(function):
        calls = iter(range(at))

        def one(*words, **named):
            if next(calls, None) is None:
                raise KeyboardInterrupt
            return function(*words, **named)

        return one

    return wrapped


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_rollback_that_was_killed_half_way_is_finished_by_the_next_run(two_nights, monkeypatch, at):
    shop, site, first = two_nights
    second = served(site)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(publications, "_take", dying(at)(publications._take))
        publications.roll_back(site, run_id="killed")
    assert served(site)[0] == first[0] and served(site) != first
    publications.settle(site, index.Store(site.home.index), run_id="next")
    assert served(site) == first
    assert served(refresh(shop, "Kiel", run="third", amount=2.0)) == second


def city(site):
    """Where the first customer lives: by the index, by what goes with the live version, and by the home itself."""
    store = index.Store(site.home.index)
    told = store.read(["id", "text"], at="live").filter(pl.col("id").str.contains("customers:C1#"))["text"][0]
    rows = [
        pl.read_parquet(home.published("customers"))["city"][0] for home in (site.home.at(store.tag("live")), site.home)
    ]
    return (next(name for name in ("Bonn", "Kiel") if name in told), *rows)


@pytest.mark.parametrize(
    ("step", "after"),
    [("_lay_anew", "Bonn"), ("_write", "Bonn"), ("_take", "Kiel"), ("_sweep", "Kiel")],
)
def test_a_publication_that_was_killed_at_any_step_leaves_documents_and_rows_of_one_version(
    shop, monkeypatch, step, after
):
    site = refresh(shop, "Bonn", run="first")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(publications, step, dying(0)(getattr(publications, step)))
        refresh(shop, "Kiel", run="killed")
    assert city(site)[:2] == (after, after), "what is served"
    publications.settle(site, index.Store(site.home.index), run_id="next")
    assert city(site) == (after, after, after)
    assert city(refresh(shop, "Kiel", run="third")) == ("Kiel", "Kiel", "Kiel")


def test_a_record_that_is_asked_all_the_time_is_never_of_two_versions(shop):
    site = refresh(shop, "Bonn", run="first")
    context, project = open_context(site.project), site.project
    context.reader.every = 0.0
    told, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            record = context.get_record(project.urn("customers", "C1"), principal=project.policy.local)
            told.append((record.values["city"], next(name for name in ("Bonn", "Kiel") if name in record.text)))

    asker = threading.Thread(target=ask)
    asker.start()
    for night, name in enumerate(("Kiel", "Bonn", "Kiel")):
        refresh(shop, name, run=f"night-{night}")
        publications.roll_back(site, run_id="back")
        publications.roll_back(site, run_id="forth")
    stop.set()
    asker.join(30)
    assert {*told} == {("Bonn", "Bonn"), ("Kiel", "Kiel")}


def test_content_that_got_another_number_keeps_what_goes_with_it(two_nights):
    shop, site, _ = two_nights
    second, store = served(site), index.Store(site.home.index)
    store.latest().to_lance().delete("dataset = 'customers'")  # a run that was killed before it published
    assert served(refresh(shop, "Ulm", run="third", amount=2.0)) != second
    publications.roll_back(site, run_id="back")
    assert served(site) == second


def test_after_the_first_run_there_is_nothing_to_go_back_to(shop):
    with pytest.raises(IndexStoreError, match="nothing is published yet"):
        publications.roll_back(shop.site(), run_id="back")
    site = refresh(shop, "Bonn", run="first")
    before = served(site)
    with pytest.raises(IndexStoreError, match="no run before the one that is served"):
        publications.roll_back(site, run_id="back")
    assert served(site) == before


def test_a_run_that_changes_nothing_is_no_step_back(two_nights):
    shop, site, first = two_nights
    refresh(shop, "Kiel", run="third", amount=2.0)
    publications.roll_back(site, run_id="back")
    assert served(site) == first


def test_a_home_of_before_goes_back_to_the_version_that_was_kept_then(two_nights):
    _, site, _ = two_nights
    store = index.Store(site.home.index)
    book = publications_of(store)
    for one in book:
        store.note(f"published-{one.version}", {"from": one.moments[0].isoformat()})
    store.set_tag("previous", book[-2].version)
    assert publications.roll_back(site, run_id="back").version == book[-2].version


def test_a_red_gate_holds_the_dataset_and_is_told_as_a_finding(shop, monkeypatch):
    site = refresh(shop, "Bonn", run="first")
    before = served(site)
    monkeypatch.setattr("index.known_items._found", lambda *_: False)
    with pytest.raises(ContractBlocked, match="known-items"):
        refresh(shop, "Kiel", run="second")
    assert served(site) == before
    (finding,) = site.ledger.findings(dataset="customers", stage="indexed")
    assert (finding.rule, finding.blocking) == ("known-items", True)
    monkeypatch.undo()
    assert served(refresh(shop, "Kiel", run="third")) != before
