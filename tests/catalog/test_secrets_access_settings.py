"""Secrets resolve by reference and never show; the access rule fails closed; settings and errors say what is wrong."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog import Classification, Home, Principal, ProjectError, SecretUnresolved, may_see
from catalog import errors as catalog_errors
from catalog.errors import LandbridgeError, Problem
from catalog.fingerprint import code_fingerprint
from catalog.secrets import references, resolve
from catalog.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]


def test_a_variable_a_default_and_a_file_are_resolved_in_one_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_USER", "ops")
    monkeypatch.delenv("DB_HOST", raising=False)
    (tmp_path / "db.key").write_text("s3cret\n")
    text = "postgresql://${env:DB_USER}:${file:db.key}@${env:DB_HOST:-localhost}/ops"
    assert resolve(text, folder=tmp_path) == "postgresql://ops:s3cret@localhost/ops"
    assert references(text) == ("${env:DB_USER}", "${file:db.key}", "${env:DB_HOST:-localhost}")


def test_a_value_is_not_resolved_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLY", "${env:HOME}")
    assert resolve("${env:SLY}", folder=tmp_path) == "${env:HOME}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${env:ABSENT_KEY}", "Set the environment variable ABSENT_KEY."),
        ("${file:absent.key}", "absent.key"),
        ("${environment:X}", "Write ${env:NAME}"),
        ("a ${env:X", "Write ${env:NAME}"),
    ],
)
def test_a_secret_without_a_value_names_itself_and_the_remedy(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SecretUnresolved) as caught:
        resolve(text, folder=tmp_path)
    assert words in str(caught.value)


def test_a_file_that_is_no_text_shows_nothing_of_itself(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"hunter\xff2")
    with pytest.raises(SecretUnresolved) as caught:
        resolve("${file:key}", folder=tmp_path)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("clearance", "held", "classification", "roles", "seen"),
    [
        ("public", (), 0, (), True),
        ("public", (), 1, (), False),
        ("internal", (), 1, (), True),
        ("restricted", (), 1, ("crew",), False),
        ("internal", ("crew", "desk"), 1, ("crew",), True),
        ("public", (), 0, ("crew",), True),
        ("public", ("crew",), 2, ("crew",), False),
    ],
)
def test_the_access_rule_needs_clearance_and_a_role(
    clearance: str, held: tuple[str, ...], classification: int, roles: tuple[str, ...], seen: bool
) -> None:
    principal = Principal(name="p", clearance=Classification[clearance], roles=held)
    assert may_see(principal, classification, roles) is seen


def test_settings_come_from_the_environment_and_agree_with_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDBRIDGE_HOME", str(tmp_path))
    monkeypatch.setenv("LANDBRIDGE_LEDGER_URL", "sqlite:///x.db")
    monkeypatch.setenv("LANDBRIDGE_PORT", "9000")
    monkeypatch.setenv("LANDBRIDGE_MASK_KEY", "hunter2")
    settings, home = load_settings(), Home.of(tmp_path / "project")
    assert (settings.home, settings.ledger_url, settings.port) == (home.folder, home.ledger_url, 9000)
    assert "hunter2" not in repr(settings)


def test_settings_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "LEDGER_URL", "PORT", "MASK_KEY", "HOST", "EMBEDDER"):
        monkeypatch.delenv(f"LANDBRIDGE_{name}", raising=False)
    settings = Settings()
    assert (settings.host, settings.port, settings.embedder, settings.mask_key) == ("127.0.0.1", 8787, "auto", None)


def test_a_bad_variable_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDBRIDGE_PORT", "hunter2")
    with pytest.raises(ProjectError) as caught:
        load_settings()
    assert str(caught.value).startswith("LANDBRIDGE_PORT: ")
    assert "hunter2" not in str(caught.value)


def test_settings_follow_the_environment_within_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDBRIDGE_PORT", "9001")
    assert load_settings().port == 9001
    assert load_settings() is load_settings()
    monkeypatch.setenv("landbridge_port", "9002")
    monkeypatch.delenv("LANDBRIDGE_PORT")
    assert load_settings().port == 9002


def examples() -> Iterator[LandbridgeError]:
    yield ProjectError([Problem("a.yaml", 3, "is wrong.", "Mend it."), Problem("b.yaml", 0, "is empty.")])
    yield SecretUnresolved("${env:X}", "Set X.")
    yield catalog_errors.SourceUnreachable("ops", "trips", "no such file", "Look.")
    yield catalog_errors.SourceUnreadable("ops", "trips", "a column is gone")
    yield catalog_errors.ContractBlocked("trips", ["a", "b"], "too few rows")
    yield catalog_errors.ChangeHeld("trips", ["volume-drop"], "half of the rows are gone")
    yield catalog_errors.IndexStoreError("is absent", "Run.")
    yield catalog_errors.BadQuery("is empty", "Ask.")


@pytest.mark.parametrize("error", list(examples()), ids=lambda error: type(error).__name__)
def test_an_error_keeps_its_message_and_facts_over_a_process_boundary(error: LandbridgeError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_code_fingerprint_is_stable_and_differs_between_rooms() -> None:
    assert code_fingerprint("catalog") == code_fingerprint("catalog")
    assert code_fingerprint("catalog", "ledger") == code_fingerprint("ledger", "catalog")
    assert code_fingerprint("catalog") != code_fingerprint("ledger")
    with pytest.raises(ModuleNotFoundError):
        code_fingerprint("no_such_room")


def test_importing_and_loading_does_not_import_the_odcs_package_or_jsonschema_early() -> None:
    code = "import sys, catalog; print([n for n in ('jsonschema', 'open_data_contract_standard') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
