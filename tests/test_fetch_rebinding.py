"""DNS rebinding against a live name server and the system's own resolver; see `rebinding`."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
OWN = ["unshare", "--user", "--map-root-user", "--mount", "--net"]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    pytest.importorskip("dnslib")
    if not shutil.which("unshare") or subprocess.run([*OWN, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here: a name server on port 53 needs a network of its own")
    out = subprocess.run(
        [*OWN, sys.executable, str(HERE / "rebinding.py"), str(tmp_path_factory.mktemp("etc"))],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )
    assert out.returncode == 0, out.stderr
    found: dict[str, object] = json.loads(out.stdout)
    return found


def test_the_attack_works_on_a_check_before_the_request(seen: dict[str, object]) -> None:
    assert seen["naive_fooled"] is True


def test_a_name_is_asked_once_and_the_checked_address_is_used(seen: dict[str, object]) -> None:
    assert seen["first"] == "200"
    assert seen["asked_for_first"] == 1
    assert seen["then"] == ["address"] * 3


@pytest.mark.parametrize("name", ["both", "alias", "nat64", "mapped", "metadata", "redirect_to_itself", "after_robots"])
def test_private_answers_are_refused_in_every_form(seen: dict[str, object], name: str) -> None:
    assert seen[name] == "address"


def test_every_hop_is_checked_and_the_canary_stays_silent(seen: dict[str, object]) -> None:
    assert seen["redirect"] == ["address"] * 3
    assert seen["canary"] == []
