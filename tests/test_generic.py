"""Generic pages: share with interval, kinds, clones, stuffing, topics, replacements; and the sentence model on plain examples."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.generic import (
    PageKind,
    compare_with_kind,
    generic_share,
    keyword_stuffing,
    make_specific,
    near_clones,
    page_kind,
    page_topics,
)
from pipeline.match import Index, build_index
from pipeline.records import Block, BlockKind, Page, Passage, Sentence
from pipeline.sentences import SentenceModel, read_lexicon, shape_columns


class WordEncoder:
    """Hashed bags of words: texts that share words are near each other; enough to test arithmetic with."""

    version = "words"

    def encode(self, texts):
        out = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().replace(".", " ").replace(",", " ").split():
                out[row, sum(ord(c) * 31**i for i, c in enumerate(word)) % 384] += 1
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def sentence(text: str, generic: float = 0.5) -> Sentence:
    return Sentence(text=text, block=0, start=0, end=len(text), types=(), checkable=False, generic=generic)


def page(source: str, *texts: str, title: str = "") -> Page:
    blocks = tuple(Block(kind=BlockKind.PARAGRAPH, text=t, selector="p") for t in texts)
    return Page(source=source, title=title, blocks=blocks)


def documentation() -> Index:
    passages = [
        Passage(
            doc="a.html",
            heading_path=("Vaults",),
            parts=("Vaults lock after ten idle minutes on Windows.",),
            readings=("Vaults lock after ten idle minutes on Windows.",),
        ),
        Passage(
            doc="b.html",
            heading_path=("Webhooks",),
            parts=("Webhooks retry every hour with Quillo signatures.",),
            readings=("Webhooks retry every hour with Quillo signatures.",),
        ),
        Passage(
            doc="b.html",
            heading_path=("Webhooks",),
            parts=("Every call in Quillo is signed.",),
            readings=("Every call in Quillo is signed.",),
        ),
    ]
    return build_index(passages, WordEncoder())


def test_share_needs_text_and_shows_an_interval() -> None:
    few = generic_share([sentence("Work smarter.", 0.9)])
    assert few.value is None and few.note == "too little text"
    texts = [
        sentence(f"This is sentence number {i} of a page with enough words.", 0.2 if i % 2 else 0.8) for i in range(12)
    ]
    share = generic_share(texts)
    assert share.value == 50.0
    assert share.low is not None and share.high is not None and share.low < 50 < share.high
    assert share == generic_share(texts), "the same figures every time"
    assert generic_share([*texts, *texts]).words == share.words, "a repeated sentence counts once"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("https://a.example/", PageKind.HOME),
        ("site/index.html", PageKind.HOME),
        ("https://a.example/pricing", PageKind.PRICING),
        ("site/compare/us-vs-them.html", PageKind.COMPARISON),
        ("site/blog/2024/05/hello.html", PageKind.BLOG),
        ("site/for-freelancers.html", PageKind.SOLUTION),
        ("site/best-time-tracking-software.html", PageKind.LANDING),
        ("site/session-replay.html", PageKind.PRODUCT),
    ],
)
def test_kinds(source: str, kind: PageKind) -> None:
    assert page_kind(page(source, "Some text")) is kind


def test_pages_are_compared_with_their_kind() -> None:
    kinds = {f"p{i}": PageKind.PRODUCT for i in range(5)} | {"blog": PageKind.BLOG}
    shares = {f"p{i}": 30.0 + i for i in range(4)} | {"p4": 80.0, "blog": None}
    found = compare_with_kind(shares, kinds)
    assert found[0].source == "p4" and found[0].deviations > 3
    assert all(d.source != "blog" for d in found), "what was not measured is not compared"


COPY = [
    f"Our {word} clinic in Leeds keeps every patient record for {word} visits and sends a reminder."
    for word in ["morning", "evening", "weekend", "urgent", "dental", "family", "travel", "sports"]
]


def test_clones_with_a_changed_city_are_found() -> None:
    first = page("leeds", *COPY)
    second = page("york", *[c.replace("Leeds", "York") for c in COPY])
    other = page(
        "docs",
        *[
            f"Queue {w} workers poll the broker and acknowledge each message once it is stored."
            for w in ["red", "blue", "green", "grey", "pink", "white"]
        ],
    )
    (clone,) = near_clones([first, second, other])
    assert {clone.first, clone.second} == {"leeds", "york"}
    assert clone.changed[0] == ("leeds", "york")


def test_stuffing_names_the_phrase() -> None:
    stuffed = page(
        "s",
        *(["Our cheap plumber software is cheap plumber software for every cheap plumber in town."] * 6),
        title="Cheap plumber software",
    )
    assert "cheap plumber" in keyword_stuffing(stuffed)[0].phrase
    prose = [
        " ".join(f"{w}{i}" for w in ["river", "stone", "lamp", "cloud", "desk", "rope", "kite"]) for i in range(12)
    ]
    assert keyword_stuffing(page("x", *prose)) == ()


def test_replacement_quotes_the_docs_once_each() -> None:
    found = make_specific(
        [
            sentence("Webhooks that retry for every team", 0.9),
            sentence("Vaults that lock for every team", 0.9),
            sentence("Get in touch now", 0.2),
        ],
        documentation(),
        WordEncoder(),
    )
    assert [r.doc for r in found] == ["b.html", "a.html"]
    assert found[0].quote.startswith("Webhooks retry")


def test_what_the_product_lacks_or_had_is_no_offer() -> None:
    def place(text: str, heading: str) -> Passage:
        return Passage(doc="c.html", heading_path=(heading,), parts=(text,), readings=(text,))

    texts = [
        place("Webhooks are not signed and retried for everybody.", "1. Webhooks"),
        place("Webhooks were signed and retried by hand.", "Webhooks"),
        place("Webhooks for everybody, signed and retried.", "Roadmap"),
        place("Everybody has webhooks, signed and retried.", "2. Signed webhooks"),
    ]
    found = make_specific(
        [sentence("Webhooks for everybody, signed and retried always.", 0.9)], build_index(texts, WordEncoder()), WordEncoder()
    )
    assert [(r.capability, r.quote) for r in found] == [("Signed webhooks", texts[3].parts[0])]


def test_unknown_topics_stand_out() -> None:
    text = "Vaults lock after ten idle minutes on Windows and webhooks retry every hour. Case"
    site = {f"p{n}": [sentence(f"{text} {n + i}.") for i in range(6)] for n in range(6)}
    strange = [sentence(f"Gardeners water tomatoes at dawn before heat dries soil bed {i}.") for i in range(8)]
    found = page_topics(site | {"strange": strange}, documentation(), WordEncoder())
    assert found[0].source == "strange" and found[0].unknown
    assert page_topics({"short": site["p0"][:1]}, documentation(), WordEncoder())[0].similarity is None


def test_lexicon_knows_names_by_their_capital() -> None:
    lexicon = read_lexicon(documentation())
    assert "quillo" in lexicon.names and "vaults" not in lexicon.names


def test_shipped_model_tells_filler_from_fact() -> None:
    from pipeline.embed import open_encoder

    model, encoder = SentenceModel(), open_encoder("retriever")
    texts = [
        "Work smarter with a platform built for modern teams.",
        "Quillo signs webhooks with Ed25519 and retries 14 times over 72 hours.",
    ]
    blocks = [Block(kind=BlockKind.PARAGRAPH, text=t, selector="p") for t in texts]
    index = build_index(documentation().passages, encoder)
    filler, fact = model.judge([sentence(t) for t in texts], blocks, encoder, index)
    assert filler.generic > fact.generic + 0.2
    assert fact.checkable and not filler.checkable
    assert model.judge([sentence(t) for t in texts], blocks, encoder, index) == [filler, fact]
    assert (
        model.judge([], [], encoder, index) == []
        and len(model.judge([sentence(texts[0])], blocks[:1], encoder, None)) == 1
    )
    assert len(set(shape_columns())) == len(shape_columns())
