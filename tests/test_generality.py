"""What an audit says of generic copy: the survey of a site, its JSON and back, and its words on the scorecard."""

from __future__ import annotations

import json
from dataclasses import replace

from sample_audit import sample
from test_generic import WordEncoder, documentation, page, sentence

from pipeline.generality import Clone, PageKind, Voice
from pipeline.generic import compare_pages, page_copy
from pipeline.records import Block, BlockKind
from pipeline.report.document import audit_document
from pipeline.report.generality import copy_view
from pipeline.report.html import html
from pipeline.report.restored import audit_from

INDEX, ENCODER = documentation(), WordEncoder()


def site():
    shown = []
    for n in range(6):
        texts = [f"Vaults lock after ten idle minutes on Windows, case {n + i}." for i in range(9)]
        scores = [0.9 if n == 5 else 0.1] * 8 + [0.9]
        found = page(f"p{n}.html", *texts)
        sentences = [replace(sentence(t, g), block=i) for i, (t, g) in enumerate(zip(texts, scores, strict=True))]
        shown.append((found, sentences, page_copy(found, sentences, INDEX, ENCODER)))
    return shown


def test_a_site_is_compared_with_itself() -> None:
    copies, clones = compare_pages(site(), INDEX, ENCODER)
    worst = copies[5]
    assert worst.usual is not None and worst.usual.deviations > 2 and worst.kind is PageKind.PRODUCT
    assert all(c.topic is not None and not c.topic.unknown for c in copies)
    assert clones and clones[0].same > 0.8
    alone = site()[:1]
    assert compare_pages(alone, INDEX, ENCODER) == ([alone[0][2]], ())


def test_buttons_and_customers_words_are_not_rewritten() -> None:
    texts = ["Vaults lock after the best ten minutes", "Webhooks retry every hour, simply the best"]
    found = page("p.html", *texts)
    found = replace(found, blocks=(Block(kind=BlockKind.QUOTE, text=texts[0], selector="p"), found.blocks[1]))
    sentences = [replace(sentence(t, 0.9), block=i) for i, t in enumerate(texts)]
    assert [r.sentence for r in page_copy(found, sentences, INDEX, ENCODER).replacements] == [texts[1]]


def full():
    audit = sample()
    looked = [
        replace(p, copy=page_copy(p.page, [replace(s, generic=0.9) for s in p.sentences], INDEX, ENCODER))
        for p in audit.pages
    ]
    copies, _ = compare_pages([(p.page, p.sentences, p.copy) for p in looked], INDEX, ENCODER)
    pages = tuple(replace(p, copy=c) for p, c in zip(looked, copies, strict=True))
    first, second = pages[0].page.source, pages[1].page.source
    return replace(
        audit,
        pages=pages,
        clones=(Clone(first=first, second=second, same=0.93, changed=(("nurses", "<b>cooks</b>"),)),),
        voices=(Voice(capability="Swaps", doc="swaps.md", share=0.12, pages=3, sentence="Swap a shift."),),
    )


def test_json_has_it_all_and_gives_it_back() -> None:
    audit = full()
    document = json.loads(json.dumps(audit_document(audit)))
    first = document["pages"][0]["copy"]
    assert set(first) == {"kind", "share", "usual", "stuffing", "topic", "make_specific"}
    assert document["clones"][0]["same"] == 0.93 and document["share_of_voice"][0]["capability"] == "Swaps"
    again = audit_from(document)
    assert again.clones == audit.clones and again.voices == audit.voices
    by_source = {p.page.source: p.copy for p in audit.pages}
    assert all(p.copy == by_source[p.page.source] for p in again.pages)
    assert "copy" not in audit_document(sample())["pages"][0]


def test_the_scorecard_says_it_in_words_and_escapes_it() -> None:
    audit = full()
    view = copy_view(audit, {}, {})
    assert view.lines[0].what.startswith("Says the same as") and "93%" in view.lines[0].what
    shown = html(audit)
    assert "Keep one, or say what is true only for each." in shown and "What the copy speaks of most" in shown
    assert "<b>cooks</b>" not in shown
    assert "What the copy speaks of most" not in html(sample())
