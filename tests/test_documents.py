"""Markdown and other files."""

from __future__ import annotations

import io
import zipfile

import pytest

from pipeline.documents import Unreadable, read_document
from pipeline.records import BlockKind

MARKDOWN = b"""---
title: Plans
---
# Plans and limits

Some **bold** text with a [link](http://x.example/y).

> **Note** Only on Business.

| Feature | Free | Business |
|---|---|---|
| SSO | - | yes |

- first item
- second `code` item

<details><summary>More?</summary>Inside</details>
"""


def test_markdown_is_verbatim_for_documentation_and_clean_for_copy() -> None:
    docs = read_document(MARKDOWN, "plans.md", verbatim=True)
    copy = read_document(MARKDOWN, "plans.md", verbatim=False)
    source = " ".join(MARKDOWN.decode().split())
    for block in docs.blocks:
        if block.kind not in {BlockKind.TITLE, BlockKind.QUESTION, BlockKind.ANSWER}:
            assert block.text in source, block
    assert "Some bold text with a link." in [b.text for b in copy.blocks]
    assert "Some bold text with a link." in [b.reading for b in docs.blocks]
    row = next(b for b in docs.blocks if b.cells and b.columns)
    assert row.cells == ("SSO", "-", "yes")
    assert row.columns == ("Feature", "Free", "Business")
    assert [b.text for b in copy.blocks if b.kind is BlockKind.LIST_ITEM] == ["first item", "second code item"]


def test_office_files_round_trip() -> None:
    import docx
    import pptx

    word = docx.Document()
    word.add_heading("Limits", 1)
    word.add_paragraph("Five seats on Free.")
    buffer = io.BytesIO()
    word.save(buffer)
    page = read_document(buffer.getvalue(), "limits.docx", verbatim=True)
    assert [(b.kind, b.text) for b in page.blocks] == [(BlockKind.HEADING, "Limits"), (BlockKind.PARAGRAPH, "Five seats on Free.")]

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Why Acme"
    slide.placeholders[1].text = "Unlimited seats"
    buffer = io.BytesIO()
    deck.save(buffer)
    page = read_document(buffer.getvalue(), "deck.pptx", verbatim=False)
    assert [b.text for b in page.blocks] == ["Why Acme", "Unlimited seats"]


@pytest.mark.parametrize(
    ("name", "body"),
    [("a.pdf", b"not a pdf"), ("a.docx", b"PK nonsense"), ("a.md", b"\x00\x01\x02binary"), ("a.json", b"{"), ("a.yaml", b"just: data")],
)
def test_unreadable_files_say_what_to_do(name: str, body: bytes) -> None:
    with pytest.raises(Unreadable, match=name.replace(".", r"\.")):
        read_document(body, name, verbatim=True)


def test_zip_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.documents.MAX_UNPACKED", 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 100_000)
    with pytest.raises(Unreadable, match="unpacks to"):
        read_document(buffer.getvalue(), "bomb.docx", verbatim=True)


def test_openapi() -> None:
    body = b'{"openapi":"3.0.0","info":{"title":"Acme API"},"paths":{"/shifts":{"get":{"summary":"List shifts","description":"At most 100 a call."}}}}'
    page = read_document(body, "openapi.json", verbatim=True)
    assert page.title == "Acme API"
    assert "At most 100 a call." in [b.text for b in page.blocks]
