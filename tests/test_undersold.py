"""Undersold: documented capabilities that no sentence of the copy is near."""

from __future__ import annotations

from test_generic import WordEncoder

from pipeline.match import Index, build_index
from pipeline.records import Facets, Passage, Status
from pipeline.undersold import QUOTE_WORDS, undersold

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


def test_sections_speak_once_twins_are_left_out_and_scores_fall() -> None:
    second = passage(
        "a.html", "Roles", "You can give each person a role with permissions of its own, checked on every request."
    )
    more = passage(
        "b.html",
        "Webhooks",
        "A failed delivery is tried again for three days, and you can replay it from its own page.",
    )
    twin = passage("e.html", "Audit log again", AUDIT.text)
    found = undersold(index(AUDIT, second, twin, WEBHOOK, more), ["Hello there"], ENCODER, 10)
    assert sorted(u.doc for u in found) in (["a.html", "a.html", "b.html"], ["a.html", "b.html", "e.html"])
    assert [u.score for u in found] == sorted((u.score for u in found), reverse=True)
    assert all(0 < u.score < 1 for u in found)


def test_every_document_speaks_before_any_speaks_twice() -> None:
    words = ("invoices", "webhooks", "backups", "dashboards", "roles", "exports", "alerts")
    many = [
        passage("a.html", w.title(), f"{w.title()} can be {w[::-1]} by {w}{w} and {w[::-1]}{w} when {w}x meets {w}y.")
        for w in words
    ]
    docs = index(*many, WEBHOOK)
    assert sorted(u.doc for u in undersold(docs, ["Hello there"], ENCODER, 2)) == ["a.html", "b.html"]
    assert [u.doc for u in undersold(docs, ["Hello there"], ENCODER, 30)].count("a.html") == len(words)


def test_a_quote_goes_on_to_the_next_part_but_not_between_marks_of_markdown() -> None:
    parts = (
        "Locked vaults stay private.",
        "You can require a second factor for every member, so that a lost password harms nobody.",
    )
    for name, expected in (("a.html", " ".join(parts)), ("a.md", parts[1])):
        both = Passage(doc=name, heading_path=("Vaults",), parts=parts, readings=parts, facets=Facets())
        assert undersold(index(both), ["Hello there"], ENCODER, 1)[0].quote == expected


def test_long_passages_are_quoted_up_to_sixty_words() -> None:
    text = " ".join(f"You can export report number {n} without waiting for the nightly job." for n in range(20))
    quote = undersold(index(passage("a.html", "Reports", text)), ["Hello there"], ENCODER, 1)[0].quote
    assert quote in text and 30 <= len(quote.split()) <= QUOTE_WORDS
