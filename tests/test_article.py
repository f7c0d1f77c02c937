"""The body of an article, and what stands beside it."""

from __future__ import annotations

import pathlib
import time

import pytest
from bs4 import BeautifulSoup

from pipeline.article import article_text, beside_article, find_body
from pipeline.bench.pages import agreement, measure
from pipeline.page import read_html
from pipeline.records import Region

TEXT = "The release brings faster builds, a cache that is shared between branches, and a quieter log for every job. "
POST = f"""<html><head><meta property="og:type" content="article"><title>Release</title></head>
<body class="single hidden-nav tag-release"><nav><a href="/">Home</a></nav>
<div class="hero"><h1>Release 4</h1><p>Everything that is new in the fourth release of the product.</p></div>
<div class="wrap"><article class="post category-news tag-release"><div class="share-bar"><p>{TEXT}Share this with all of your friends.</p></div>
<div class="entry-content"><p>{TEXT * 2}</p><h2>Caches</h2><p>{TEXT}Caches are free.</p>
<ul><li>Shared between branches</li><li>Kept for 30 days</li></ul><p>{TEXT}</p></div></article>
<div class="offer"><h2>Try it now</h2><p>Start free, no card needed, and keep every feature for 30 days.</p></div>
<section class="related-posts"><h2>Related</h2><p>Rivals are slow and lose half of your data, says another post of ours here.</p></section>
<div id="comments"><p>I have run this for years and it never failed me, unlimited everything for free!</p></div></div></body></html>"""


def test_the_body_is_found_and_the_rest_left_out() -> None:
    text = article_text(BeautifulSoup(POST, "lxml"))
    assert text.split("\n")[1] == "Caches"
    assert "Kept for 30 days" in text
    for other in ("Share this", "Rivals", "never failed", "Home"):
        assert other not in text


def test_comments_and_teasers_are_beside_the_copy_and_offers_are_copy() -> None:
    regions = {b.text: b.region for b in read_html(POST, "p").blocks}
    beside = {text[:20] for text, region in regions.items() if region is Region.ASIDE}
    assert beside == {"Related", "Rivals are slow and ", "I have run this for "}
    assert regions["Try it now"] is Region.MAIN
    assert regions["Release 4"] is Region.MAIN


def test_a_page_that_is_no_article_stays_whole() -> None:
    page = POST.replace('content="article"', 'content="website"')
    assert not beside_article(BeautifulSoup(page, "lxml"))
    assert all(b.region is not Region.ASIDE for b in read_html(page, "p").blocks)
    # A recommended plan is no teaser, not even where a site calls every page an article.
    plan = POST.replace("related-posts", "plan recommended")
    assert "Rivals are slow and" in " ".join(b.text for b in read_html(plan, "p").blocks if b.region is Region.MAIN)


def test_pages_without_running_text_have_no_body() -> None:
    assert find_body(BeautifulSoup("<h1>Fast</h1><ul><li>Yes</li></ul><a href=/x>Go</a>", "lxml")) is None
    assert article_text(BeautifulSoup("", "lxml")) == ""


@pytest.mark.parametrize("page", ["<div>" * 20_000 + TEXT, f"<div class='related posts'><p>{TEXT}</p>" * 3_000, "<a><b>" * 9_000 + TEXT * 99])
def test_hostile_nesting_takes_no_time(page: str) -> None:
    soup = BeautifulSoup(f'<meta property="og:type" content="article">{page}', "lxml")
    began = time.process_time()
    beside_article(soup)
    article_text(soup)
    assert time.process_time() - began < 5


def test_agreement_counts_runs_of_words() -> None:
    got = agreement([("one two three four five", "one two three four"), ("a b c d", "")])
    assert (got.precision, got.recall) == (1.0, 0.25)


def test_the_suite(shared: pathlib.Path) -> None:
    suite = shared / "suites" / "pages"
    if not suite.is_dir():
        pytest.skip(f"the suite of article pages is not at {suite}")
    got = measure(suite, every=4)  # `bench pages` measures all of it
    assert got["article text"].f1 >= 0.95
    # Nothing that a page says is lost to the audit: all of the article is in the copy that claims are read from.
    assert got["all copy"].recall >= 0.99
