"""Undersold: documented capabilities that no sentence of the copy is near."""

from __future__ import annotations

from test_generic import WordEncoder

from pipeline.match import Index, build_index
from pipeline.records import Facets, Passage, Status
from pipeline.undersold import undersold

ENCODER = WordEncoder()


def passage(doc: str, heading: str, text: str, status: Status | None = None) -> Passage:
    return Passage(doc=doc, heading_path=(heading,), parts=(text,), readings=(text,), facets=Facets(status=status))


def index(*passages: Passage) -> Index:
    return build_index(passages, ENCODER)


AUDIT = passage(
    "a.html",
    "Audit log",
    "You can export an audit log of every permission change, and it is kept for a whole year automatically.",
)
WEBHOOK = passage(
    "b.html",
    "Webhooks",
    "Webhooks send each event to your own address, signed and retried until the other side has answered.",
)
STEP = passage(
    "c.html",
    "Installation",
    "Run the installer, then click next until the last page of the wizard closes on its own again.",
)
SOON = passage(
    "d.html",
    "Roadmap",
    "You can restore single files from a backup automatically, without help from the support team.",
    Status.PLANNED,
)


def test_what_the_copy_says_ranks_below_what_it_leaves_out() -> None:
    copy = ["Webhooks send each event to your own address, signed and retried."]
    found = undersold(index(AUDIT, WEBHOOK, STEP), copy, ENCODER, 10)
    assert found[0].capability == "Audit log"
    assert next(u.score for u in found if u.doc == "b.html") < found[0].score


def test_plans_for_later_are_not_undersold() -> None:
    assert all(u.doc != "d.html" for u in undersold(index(AUDIT, SOON), ["Hello there"], ENCODER, 10))


def test_quotes_are_verbatim_and_the_list_is_cut() -> None:
    found = undersold(index(AUDIT, WEBHOOK, STEP), ["Hello there"], ENCODER, 2)
    assert len(found) == 2
    texts = " ".join(p.text for p in (AUDIT, WEBHOOK, STEP))
    assert all(u.quote in texts for u in found)


def test_without_copy_or_docs_nothing_is_said() -> None:
    assert undersold(index(AUDIT), [], ENCODER, 5) == ()
    assert undersold(index(AUDIT), ["x"], ENCODER, 0) == ()


def test_each_document_speaks_before_any_speaks_twice_and_twins_are_left_out() -> None:
    second = passage("a.html", "Roles", "You can give each person a role with permissions of its own, checked on every request.")
    twin = passage("e.html", "Audit log again", AUDIT.text)
    found = undersold(index(AUDIT, second, twin, WEBHOOK), ["Hello there"], ENCODER, 10)
    assert {u.doc for u in found[:2]} <= {"a.html", "b.html", "e.html"} and len({u.doc for u in found[:2]}) == 2
    assert len(found) == 3 and [u.score for u in found] == sorted((u.score for u in found), reverse=True)
