"""The verb `serve`: accounts and keys from the command line, and what it refuses to listen on."""

from __future__ import annotations

import io
import pathlib
import sys

import pytest

from pipeline.cli import main
from pipeline.store import Store
from pipeline.store import accounts as passwords
from pipeline.store.accounts import Accounts


@pytest.fixture
def run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs `serve` with a line on standard input; gives (exit code, output, errors)."""
    monkeypatch.setattr(passwords, "_N", 2**10)
    store = tmp_path / "deep" / "store.sqlite"
    file = tmp_path / "c.yaml"
    file.write_text(f"products: [{{name: Acme, docs: [a]}}, {{name: Bolt, docs: [b]}}]\nstore: {{url: {store}}}\n")

    def call(*words: str, said: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        code = main(["serve", "--config", str(file), *words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    call.store = store
    return call


def test_accounts_are_made_changed_and_removed(run) -> None:
    code, out, _ = run("--add-user", "anna", "--role", "reviewer", "--products", "Acme", said="0123456789\n")
    assert code == 0 and "anna: reviewer, sees Acme" in out
    with Store(run.store) as store:
        assert Accounts(store.engine).sign_in("anna", "0123456789").products == ("Acme",)
    code, out, _ = run("--add-user", "anna", "--role", "admin", "--products", "*", said="9876543210\n")
    assert code == 0 and "all products" in out
    code, key, _ = run("--new-key", "anna")
    with Store(run.store) as store:
        assert Accounts(store.engine).of_key(key.strip()).role == "admin"
    assert run("--remove-user", "anna")[0] == 0 and run("--remove-user", "anna")[0] == 2


def test_what_cannot_be_an_account_is_said(run) -> None:
    for words, said, why in (
        (["--add-user", "anna"], "0123456789\n", "--products"),
        (["--add-user", "anna", "--products", "Nothing"], "0123456789\n", "no product 'Nothing'"),
        (["--add-user", "anna", "--products", "Acme"], "short\n", "at least 10"),
        (["--add-user", "a b", "--products", "Acme"], "0123456789\n", "cannot be an account"),
        (["--new-key", "nobody"], "", "no account"),
    ):
        code, _, err = run(*words, said=said)
        assert code == 2 and why in err, words
    code, out, _ = run("--add-user", "ben", "--products", "Bolt", "--no-password")
    assert code == 0 and "ben: viewer" in out


def test_a_public_address_is_refused_while_nobody_signs_in(run) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "example.org"):
        code, _, err = run("--host", host, "--port", "0")
        assert code == 2 and "without sign-in" in err, host
