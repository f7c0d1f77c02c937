"""Opens a product's ledger, and says which decisions stand."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.ledger import Entry, Ledger, State, open_ledger
from pipeline.web.guard import House
from pipeline.web.products import config_for

LABELS = {State.OPEN: "Open", State.ACCEPTED: "Accepted", State.WAIVED: "Waived", State.RETIRED: "Retired"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A decision as a card shows it."""

    state: str
    words: str


def ledger_of(home: House, product: str) -> Ledger:
    """The ledger of a product."""
    found = next(p for p in home.products if p.name == product)
    return open_ledger(config_for(home.config, found), home.store, product)


def said(entry: Entry) -> str:
    """`Waived until 2027-03-31`."""
    return LABELS[entry.state] + (f" until {entry.expires}" if entry.expires else "")


def standing(home: House, product: str) -> dict[str, Standing]:
    """{mark of a claim: decision} of everything that is not open."""
    entries = ledger_of(home, product).list()
    return {e.fingerprint: Standing(state=e.state.value, words=said(e)) for e in entries if e.state is not State.OPEN}
