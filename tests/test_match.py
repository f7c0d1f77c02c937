"""Retrieval: what it finds, in which order, always the same."""

from __future__ import annotations

from pipeline.capabilities import passages, restrictions
from pipeline.documents import read_markdown
from pipeline.match import Bm25, build_index, match, stem, terms
from pipeline.records import Claim

DOCS = {
    "sso.md": "# Single sign-on\n\nAvailable on Business only.\n\n## Set-up\n\nConnect Okta in the settings.\n\n## Logout\n\nSessions end after eight hours.\n\n"
    "## Certificates\n\nSigning certificates are rotated by hand.\n\n## Groups\n\nGroups of the identity provider become teams.",
    "export.md": "# Export\n\nReports can be exported as CSV every night.",
    "plans.md": "# Plans\n\n| Feature | Free | Business |\n|---|---|---|\n| Night export | no | yes |\n| SSO | no | yes |",
}


def index(encoder):
    pages = [read_markdown(text, name, verbatim=True) for name, text in DOCS.items()]
    return build_index(passages(pages, ("free", "business")), encoder)


def test_terms_are_stemmed_and_stop_words_left_out() -> None:
    assert terms("The exports are exported") == ["export", "export"]
    assert stem("notifications") == stem("notification")


def test_bm25_prefers_rare_words() -> None:
    words = Bm25([terms("csv export of reports"), terms("reports of the week"), terms("reports")])
    assert words.scores(terms("csv reports")).argmax() == 0
    assert words.rarity("csv") > words.rarity("report")
    assert (words.scores(["unheard"]) == 0).all()


def test_best_document_first_and_conditions_come_along(encoder) -> None:
    claims = [Claim(id="1", text="Export reports as CSV every night"), Claim(id="2", text="Groups of your identity provider become teams")]
    found = match(claims, index(encoder), encoder, 10)
    assert found[0].passages[0].doc == "export.md"
    assert found[1].passages[0].doc == "sso.md"
    assert found[0].covered == 1.0
    assert found[0].scores == tuple(sorted(found[0].scores, reverse=True))


def test_order_does_not_depend_on_company(encoder) -> None:
    claims = [Claim(id=str(n), text=t) for n, t in enumerate(["Okta login", "CSV export", "Night export on Free", "unheard nonsense"])]
    together = match(claims, index(encoder), encoder)
    alone = [match([c], index(encoder), encoder)[0] for c in reversed(claims)][::-1]
    assert list(together) == alone
    assert "nonsens" in together[3].unknown[0] or "nonsense" in " ".join(together[3].unknown)


def test_no_documentation_gives_no_passages(encoder) -> None:
    assert match([Claim(id="1", text="x")], build_index([], encoder), encoder)[0].passages == ()


def test_a_sentence_that_narrows_comes_along_from_the_same_document(encoder) -> None:
    far = "\n\n".join(f"## Topic {n}\n\nExports of kind {n} land in the folder of your choice as CSV reports." for n in range(14))
    docs = {**DOCS, "export.md": f"{DOCS['export.md']}\n\n{far}\n\n## Fine print\n\nA night export holds at most 5,000 rows. It is a file."}
    found = passages([read_markdown(text, name, verbatim=True) for name, text in docs.items()], ("free", "business"))
    claim = [Claim(id="1", text="Export reports as CSV every night")]
    plain = match(claim, build_index(found, encoder), encoder)[0]
    asked = match(claim, build_index(found, encoder, restrictions(found)), encoder)[0]
    assert [p.text for p in asked.conditions if p.doc == "export.md"] == ["A night export holds at most 5,000 rows."]
    assert asked.passages == plain.passages
    # What stands in a passage that is read anyway does not come twice.
    assert not {(p.doc, p.order) for p in asked.conditions} & {(p.doc, p.order) for p in asked.passages[:8]}
