"""Decisions: what they need, when they lapse, the YAML file and the store alike."""

from __future__ import annotations

import datetime
import pathlib
from dataclasses import dataclass

import pytest

from pipeline.errors import UsageError
from pipeline.fingerprint import fingerprint
from pipeline.ledger import Ledger, State, read_proofs
from pipeline.ledger.book import Rows, YamlRows
from pipeline.store import Store
from pipeline.store.decisions import Decisions

TODAY = datetime.date(2026, 11, 27)
AT = "2026-11-01T00:00:00Z"


@dataclass(frozen=True)
class Said:
    text: str
    verdict: str = "contradicted"
    quote: str = "SSO is part of Enterprise."

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.text)


@pytest.fixture(params=["yaml", "sqlite", "postgresql"])
def rows(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Rows:
    if request.param == "yaml":
        return YamlRows(tmp_path / "ledger.yaml")
    place = request.getfixturevalue("postgresql")() if request.param == "postgresql" else tmp_path / "store.sqlite"
    store = Store(place)
    request.addfinalizer(store.close)
    return Decisions(store, "Acme")


def book(rows: Rows, *known: Said, proofs: tuple = ()) -> Ledger:
    said = {k.fingerprint: (k.text, k.quote) for k in known}
    return Ledger(rows, known=said.get, proofs=proofs)


def test_decisions_are_kept_and_need_what_they_stand_on(rows: Rows) -> None:
    claim = Said("SSO on every plan.")
    ledger = book(rows, claim)
    with pytest.raises(UsageError, match="needs `reason`"):
        ledger.waive(claim.text, owner="jo", reason="", expires="2026-12-31", by="jo")
    with pytest.raises(UsageError, match="needs `evidence`"):
        ledger.accept(claim.text, evidence=" ", by="jo")
    with pytest.raises(UsageError, match="is no day"):
        ledger.waive(claim.text, owner="jo", reason="r", expires="soon", by="jo")
    assert ledger.list() == ()
    ledger.waive(claim.fingerprint, owner="jo", reason="r: €, 'x'\n- y", expires="2026-12-31", by="jo", at=AT)
    (entry,) = ledger.list("waived")
    assert entry == ledger.get("sso on every plan") and (entry.claim, entry.said, entry.at) == (claim.text, claim.quote, AT)
    with pytest.raises(UsageError, match="No claim has the fingerprint"):
        ledger.retire("0123456789abcdef", by="jo")
    assert ledger.reopen(claim.text, by="jo", reason="no").owner == "jo" and ledger.list("open")[0].reason == "no"


def test_expiry_changed_docs_and_return_reopen(rows: Rows) -> None:
    late, moved, back, fine = (Said(t) for t in ("Late claim here.", "Moved claim here.", "Back claim here.", "Fine claim here."))
    ledger = book(rows, late, moved, back, fine)
    ledger.waive(late.text, owner="jo", reason="r", expires="2026-11-26", by="jo")
    ledger.accept(moved.text, evidence="contract 7", by="jo")
    ledger.retire(back.text, by="jo")
    ledger.waive(fine.text, owner="jo", reason="r", expires="2026-11-27", by="jo")
    now = [late, Said(moved.text, quote="SSO is part of Business."), back, fine]
    settled = ledger.settle(now, TODAY)
    notes = {s.text: (settled[s.fingerprint].state, settled[s.fingerprint].note) for s in now}
    assert notes[late.text] == (State.OPEN, "its last day was 2026-11-26")
    assert notes[moved.text] == (State.OPEN, "the documentation it was decided on now says something else")
    assert notes[back.text] == (State.OPEN, "it was retired and is back on the site")
    assert notes[fine.text][0] is State.WAIVED
    assert not any(s.reopened for s in ledger.settle(now, TODAY).values()), "told once"
    still = ledger.accept(moved.text, evidence="contract 8", by="jo")
    assert ledger.settle([Said(moved.text, quote="other")], TODAY, still_said=lambda q: q == still.said)[still.fingerprint].state is State.ACCEPTED


def test_proofs_settle_external_claims_until_they_change(rows: Rows, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "proofs.yaml"
    file.write_text("- id: count-2026\n  text: 4,100 customers on 2026-09-30, audited\n  covers: '\\b4,000 (teams|customers)'\n  expires: 2027-09-30\n")
    proofs = read_proofs([str(file)])
    claim, other = Said("Trusted by 4,000 teams.", "external", ""), Said("Trusted by 9,000 teams.", "external", "")
    ledger = book(rows, proofs=proofs)
    settled = ledger.settle([claim, other], TODAY)
    assert settled[claim.fingerprint].state is State.ACCEPTED and other.fingerprint not in settled
    file.write_text(file.read_text().replace("4,100", "3,100"))
    again = book(rows, proofs=read_proofs([str(file)])).settle([claim], TODAY)
    assert again[claim.fingerprint].state is State.ACCEPTED
    gone = book(rows).settle([claim], TODAY)
    assert gone[claim.fingerprint].state is State.OPEN and gone[claim.fingerprint].reopened
    for wrong in ("- id: x\n  text: y\n", "- id: x\n  text: y\n  covers: '('\n", "{}"):
        file.write_text(wrong)
        with pytest.raises(UsageError):
            read_proofs([str(file)])


def test_export_and_import_move_a_ledger(rows: Rows, tmp_path: pathlib.Path) -> None:
    ledger = book(rows)
    ledger.waive("A claim: with # signs & 'quotes'.", owner="jo", reason="r", expires="2026-12-31", by="jo", at=AT)
    ledger.accept("Another — claim.", evidence="e", by="jo", at=AT)
    other = book(YamlRows(tmp_path / "other.yaml"))
    assert other.take_in(ledger.export(), "here") == 2 and other.list() == ledger.list() and other.export() == ledger.export()
    with pytest.raises(UsageError, match="entry 1"):
        other.take_in("- claim: x\n  state: waved\n", "here")
    with pytest.raises(UsageError, match="unknown key `expire`"):
        other.take_in("- claim: x\n  state: open\n  expire: 2026-12-31\n", "here")
    assert other.list() == ledger.list()
