"""What people have decided about claims: open, accepted with evidence, waived until a day, retired.

    ledger = open_ledger(config, store, product)        # the YAML file that `ledger:` names, else the store
    ledger.list(state="waived")                         # (Entry, ...), by claim
    ledger.accept(claim, evidence="...", by="jo")       # claim: its words, or its fingerprint once it is known
    ledger.waive(claim, owner="jo", reason="...", expires="2027-03-31", by="jo")
    ledger.retire(claim, by="jo", reason="...")
    ledger.reopen(claim, by="jo", reason="...")
    ledger.settle(statements, today)                    # what each statement's state is tonight; reopens what has lapsed

`by` is who decided, `at` (ISO 8601, now by default) when. In reading order: entries, substantiation, book, opened.
"""

from pipeline.ledger.book import Ledger
from pipeline.ledger.entries import Entry, Settled, State
from pipeline.ledger.opened import open_ledger
from pipeline.ledger.substantiation import Proof, read_proofs

__all__ = ["Entry", "Ledger", "Proof", "Settled", "State", "open_ledger", "read_proofs"]
