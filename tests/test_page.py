"""HTML as a reader sees it."""

from __future__ import annotations

from pipeline.page import read_html
from pipeline.records import Block, BlockKind, Page, Region

PAGE = """<!doctype html><html lang="en"><head><title>Acme - plans</title>
<meta name="description" content="Plan shifts in minutes."><meta property="og:title" content="Acme for teams">
<script type="application/ld+json">{"@type":"SoftwareApplication","name":"Acme","featureList":["Shift swaps","SSO"]}</script></head>
<body><header><nav><a href="/">Acme</a><a href="/pricing">Pricing</a></nav></header>
<div class="cookie-banner">We use cookies. <button>Accept</button></div>
<main><h1>Plan shifts<br>without the spreadsheets</h1><p>Acme <b>exports</b> to CSV, <em>always</em>. It costs $9.</p>
<h2>Features</h2><ul><li>Swap shifts</li><li>SSO on <a href="/p">Business</a></li></ul>
<p style="display:none">hidden words</p><img alt="Calendar view" src="x.png"><a class="btn" href="/t">Start free trial</a>
<table><thead><tr><th>Feature</th><th>Free</th><th>Business</th></tr></thead><tbody><tr><td>SSO</td><td></td><td>✓</td></tr></tbody></table>
<details><summary>Is it secure?</summary><p>Yes, with TLS.</p></details></main>
<footer><p>Imprint of Acme</p></footer></body></html>"""


def read() -> Page:
    return read_html(PAGE, "index.html")


def texts(page: Page, kind: BlockKind) -> list[str]:
    return [b.text for b in page.blocks if b.kind is kind]


def test_kinds() -> None:
    page = read()
    assert page.title == "Acme - plans"
    assert page.language == "en"
    assert texts(page, BlockKind.HEADING) == ["Plan shifts", "without the spreadsheets", "Features"]
    assert texts(page, BlockKind.PARAGRAPH)[-2:] != []
    assert "Acme exports to CSV, always. It costs $9." in texts(page, BlockKind.PARAGRAPH)
    assert texts(page, BlockKind.LIST_ITEM) == ["Swap shifts", "SSO on Business"]
    assert texts(page, BlockKind.ALT) == ["Calendar view"]
    assert "Start free trial" in texts(page, BlockKind.BUTTON)
    assert texts(page, BlockKind.QUESTION) == ["Is it secure?"]
    assert texts(page, BlockKind.ANSWER) == ["Yes, with TLS."]
    assert texts(page, BlockKind.DESCRIPTION) == ["Plan shifts in minutes."]
    assert texts(page, BlockKind.OPEN_GRAPH) == ["Acme for teams"]
    assert texts(page, BlockKind.JSON_LD) == ["Acme", "Shift swaps", "SSO"]


def test_regions_and_hidden_text() -> None:
    region = {b.text: b.region for b in read().blocks}
    assert region["Imprint of Acme"] is Region.FOOTER
    assert region["We use cookies."] is Region.BANNER
    assert region["Pricing"] is Region.NAV
    assert region["Features"] is Region.MAIN
    assert "hidden words" not in region


def test_tables_keep_cells_and_columns() -> None:
    row = [b for b in read().blocks if b.kind is BlockKind.TABLE_ROW][-1]
    assert row.cells == ("SSO", "", "✓")
    assert row.columns == ("Feature", "Free", "Business")


def test_heading_path_and_selector() -> None:
    item = next(b for b in read().blocks if b.text == "Swap shifts")
    assert item.heading_path == ("without the spreadsheets", "Features")
    assert item.selector.endswith("ul > li:nth-of-type(1)")


def test_broken_and_hostile_markup_never_raises() -> None:
    for body in (b"", b"<", b"<p>open", b"\xff\xfe\x00", "<div>" * 2000 + "deep", "<table><tr><td>" * 50, "<p>\x00\x01</p>", "<a " + "x=1 " * 5000):
        page = read_html(body, "x")
        assert all(isinstance(b, Block) and b.text for b in page.blocks)


def test_cookie_words_in_copy_are_no_banner() -> None:
    page = read_html("<main><div class='cookieless-analytics'><p>No cookies, just insights.</p></div></main>", "x")
    assert page.blocks[0].region is Region.MAIN


def test_a_page_without_body_tags_is_read() -> None:
    page = read_html("<!doctype html><title>Docs</title><main><h1>Docs</h1><ul><li>first</li></ul></main>", "x")
    assert [b.text for b in page.blocks] == ["Docs", "Docs", "first"]


def test_lines_drawn_as_nested_spans_stay_apart() -> None:
    page = read_html(
        "<div><span>Faster builds.<span>New cache here</span></span></div>"
        "<div><span>For startups of all kinds<span>We have a deal for you</span></span></div><p>Git<span>Hub is here</span></p>",
        "p.html",
    )
    assert [b.text for b in page.blocks] == [
        "Faster builds. New cache here",
        "For startups of all kinds We have a deal for you",
        "GitHub is here",
    ]


def test_lines_of_a_table_cell_are_sentences_of_their_own() -> None:
    from pipeline.claims import read_sentences

    page = read_html(
        "<table><tr><th>Support</th><th>Cloud</th><th>Own server</th></tr>"
        "<tr><td>Channels</td><td>Email<br/>Phone calls<br/>Shared chat</td><td>Forum</td></tr></table>",
        "p.html",
    )
    assert page.blocks[1].lines == ("Email", "Phone calls", "Shared chat")
    said = [s.text for s in read_sentences(page)]
    assert [t for t in said if t in {"Email", "Phone calls", "Shared chat", "Channels"}] == ["Email", "Phone calls", "Shared chat", "Channels"]
    assert "Channels Email Phone calls Shared chat Forum" in said
    assert all(page.blocks[s.block].text[s.start : s.end] == s.text for s in read_sentences(page))
