"""Conformance of the crawler against third-party suites that lie beside the repository; skipped where they are absent.

`pytest tests/test_suites_crawl.py -s` prints the figures that docs/crawling.md quotes.
"""

from __future__ import annotations

import csv
import io
import json
import pathlib
import re
import sys
import time

import pytest

from pipeline.crawl import why_rows
from pipeline.crawl.sitemap import NotASitemap, read_sitemap
from pipeline.fetch import robots
from pipeline.fetch.coding import Bomb, Undecodable, collect
from pipeline.fetch.url import normalise, parse, registrable

SUITES = pathlib.Path(__file__).resolve().parents[2] / "shared" / "suites"
pytestmark = pytest.mark.skipif(not SUITES.is_dir(), reason=f"the third-party suites are not at {SUITES}")
LIMITS = {"max_bytes": 5 << 20, "max_ratio": 100.0, "ratio_floor": 1 << 20, "max_codings": 5}


def figure(name: str, good: int, total: int) -> None:
    """One line of the report."""
    sys.stdout.write(f"\n{name:38} {good} of {total}")


def rows_of(path: pathlib.Path) -> list[list[str]]:
    """Lines of a crawler-commons table; the last column follows the last comma unless the line is quoted."""
    found = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        quoted = line.startswith('"')
        found.append(next(csv.reader([line], skipinitialspace=True)) if quoted else line.rsplit(",", 1))
    return found


def test_urls_parse_as_in_browsers() -> None:
    import ada_url

    cases = json.loads((SUITES / "urls/url-utils/wpt-urltestdata.json").read_text(encoding="utf-8"))
    cases = [case for case in cases if isinstance(case, dict)]
    good = ours = web = 0
    for case in cases:
        try:
            url = ada_url.URL(case["input"], base=case["base"]) if case["base"] else ada_url.URL(case["input"])
            good += not case.get("failure") and url.href == case["href"]
        except (ValueError, UnicodeError):
            good += bool(case.get("failure"))
        if not case.get("failure") and case["protocol"] in {"http:", "https:"}:
            web += 1
            mine = parse(case["input"], case["base"] or None)
            ours += (
                mine is not None
                and mine.href == case["href"].partition("#")[0].removesuffix("?")
                and mine.host == case["hostname"].strip("[]")
                and (mine.path, mine.query) == (case["pathname"], case["search"].removeprefix("?"))
            )
    figure("WHATWG URLs (parser)", good, len(cases))
    figure("WHATWG URLs (our parts, http and https)", ours, web)
    assert good == len(cases)
    assert ours == web


def test_urls_normalise() -> None:
    cases = rows_of(SUITES / "urls/normalizer/weirdToNormalizedUrls.csv")
    good = sum(normalise(text) == want.strip() for text, want in cases)
    figure("URLs normalised", good, len(cases))
    # The three others are `ftp:/`, `http:////` and `http:///////`: no host, so no URL to a browser, and none to us.
    assert good == len(cases) - 3
    assert [normalise(text) for text in ("ftp:/", "http:////", "http:///////")] == [None] * 3
    invalid = [line for line in (SUITES / "urls/normalizer/invalidUrls.csv").read_text().splitlines() if line[:4] == "http"]
    assert [normalise(text) for text in invalid] == [None] * len(invalid)
    resolved = rows = 0
    text = (SUITES / "urls/url-utils/url-resolve.csv").read_text()
    for spec, base, want in csv.reader([x for x in text.splitlines() if x and x[0] != "#"], skipinitialspace=True):
        rows += 1
        url = parse(spec, base or None)
        resolved += url is not None and url.href == want.partition("#")[0]
    figure("URLs resolved", resolved, rows)
    assert resolved == rows


def test_normalising_twice_changes_nothing() -> None:
    cases = json.loads((SUITES / "urls/url-utils/wpt-urltestdata.json").read_text(encoding="utf-8"))
    texts = [c["href"] for c in cases if isinstance(c, dict) and c.get("href", "").startswith("http")]
    once = [found for text in texts if (found := normalise(text))]
    assert [normalise(text) for text in once] == once


def test_registrable_domains() -> None:
    good = total = 0
    for line in (SUITES / "urls/test_psl.txt").read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"checkPublicSuffix\('([^']+)', (?:'([^']+)'|null)\);", line)
        if found is None or found.group(1).startswith("."):
            continue
        total += 1
        host, want = found.group(1), found.group(2)
        # A public suffix has no registrable domain; we give the host itself then.
        good += registrable(host) == (want or host.lower()) or (want is None and registrable(host) == host)
    figure("registrable domains", good, total)
    assert good >= total - 3


def test_robots_rfc_examples() -> None:
    where = SUITES / "robots"
    cases = [
        ("rfc9309-example-simple-robots.txt", "foobot", "/example/page.html", True),
        ("rfc9309-example-simple-robots.txt", "foobot", "/example/allowed.gif", True),
        ("rfc9309-example-simple-robots.txt", "foobot", "/example/other.html", False),
        ("rfc9309-example-simple-robots.txt", "barbot", "/example/page.html", False),
        ("rfc9309-example-simple-robots.txt", "bazbot", "/other", True),
        ("rfc9309-example-simple-robots.txt", "quxbot", "/example/", True),
        ("rfc9309-example-simple-robots.txt", "other", "/example/x", False),
        ("rfc9309-example-simple-robots.txt", "other", "/publications/x.gif", True),
        ("rfc9309-example-simple-robots.txt", "other", "/x.gif", False),
        ("rfc9309-example-longest-match-robots.txt", "foobot", "/example/page/disallowed.gif", False),
        ("rfc9309-example-longest-match-robots.txt", "foobot", "/example/page/allowed.gif", True),
        ("rfc9309-example-rule-group-merging.txt", "examplebot", "/baz", False),
        ("rfc9309-example-rule-group-merging.txt", "ExampleBot/2.0", "/bar", False),
        ("rfc9309-example-rule-group-merging.txt", "bazbot", "/foo", True),
        ("robots-with-utf8-bom.txt", "anybot", "/profile", False),
        ("robots-with-utf16le-bom.txt", "anybot", "/profile", False),
        ("robots-with-utf16be-bom.txt", "googlebot", "/a/output/print", False),
        ("directive-typos-robots.txt", "bot1", "/desallow/", True),
        ("directive-typos-robots.txt", "bot1", "/dissalow/", False),
        ("directive-typos-robots.txt", "bot2", "/useragent/", False),
        ("format-errors-robots.txt", "bot1", "/whitespace-before-colon/", False),
        ("format-errors-robots.txt", "bot3", "/whitespace-before-colon", True),
        ("merge-rules.txt", "wget", "/tmp/bar", False),
        ("merge-rules.txt", "wget", "/ckh/bar", True),
        ("merge-rules.txt", "anybody", "/tmp/bar", False),
        ("precedence-of-rules.txt", "testy", "/foo/bar", True),
        ("precedence-of-rules.txt", "testy", "/foo", False),
        ("precedence-of-rules.txt", "wget", "/foo", True),
        ("wildcards.txt", "anybody", "/gp/cart/x", False),
        ("extension-robots.txt", "mybot", "/private/x", False),
        ("crawl-delay-group-merging.txt", "mybot", "/private/", False),
        ("crawl-delay-group-merging.txt", "yourbot", "/login/", False),
    ]
    good = sum(robots.read((where / name).read_bytes()).decide(path, agent)[0] is want for name, agent, path, want in cases)
    figure("robots: RFC 9309 and crawler-commons", good, len(cases))
    assert good == len(cases)
    delays = robots.read((where / "crawl-delay-group-merging.txt").read_bytes())
    # A delay goes to the agents named so far: "yourbot" stands below it.
    assert (delays.delay("mybot"), delays.delay("yourbot"), delays.delay("other")) == (10.0, None, 30.0)
    assert robots.read((where / "astore.amazon.com-robots.txt").read_bytes()).delay("us") == 5.0
    assert len(robots.read((where / "sitemap-robots-dedup.txt").read_bytes()).sitemaps) == 1
    assert robots.read((where / "format-errors-robots.txt").read_bytes()).sitemaps == ("/sitemap.xml",)


def test_robots_of_real_sites_agree_with_protego() -> None:
    protego = pytest.importorskip("protego")
    paths = ["/", "/search?q=a", "/admin/", "/blog/post", "/a.pdf", "/cgi-bin/x", "/user/login", "/index.php?page=2"]
    files = sorted(path for path in (SUITES / "robots/real").iterdir() if path.is_file())
    same = total = 0
    slowest = 0.0
    for path in files:
        body = path.read_bytes()
        began = time.perf_counter()
        mine = robots.read(body)
        theirs = protego.Protego.parse(body.decode("utf-8", "ignore").lstrip("\ufeff"))
        for target in paths:
            total += 1
            same += mine.decide(target, "saysdoes")[0] is theirs.can_fetch(f"https://example.com{target}", "saysdoes")
        slowest = max(slowest, time.perf_counter() - began)
    figure("robots: real files as protego reads them", same, total)
    assert same >= 0.995 * total
    assert slowest < 5


def test_sitemaps() -> None:
    want = {
        "atom.xml": 1, "sitemap.ns.xml": 2, "sitemap.badns.xml": 2, "sitemap.index.xml": 15, "sitemap.txt": 2,
        "sitemap-with-bom.txt": 2, "sitemap.txt.gz": 5, "xmlSitemap.gz": 5, "rss/feed.rss": 4, "rss/xmlRss_pubDate.xml": 7,
        "extension/sitemap-links.xml": 3, "extension/sitemap-images.xml": 1, "extension/sitemap-news.xml": 2,
        "extension/sitemap-videos.xml": 3, "extension/sitemap-mobile.xml": 3, "extension/pagemaps-sitemap.xml": 2,
        "extension/hebdenbridgetimes-articles-sitemap.xml": 74,
    }  # fmt: skip
    found = {
        name: len(list(read_sitemap((SUITES / "sitemaps" / name).read_bytes(), "http://www.example.com/s.xml")))
        for name in want
    }
    figure("sitemap files", sum(found[name] == want[name] for name in want), len(want))
    assert found == want
    links = list(read_sitemap((SUITES / "sitemaps/extension/sitemap-links.xml").read_bytes(), "http://www.example.com/"))
    assert links[0].alternates == (
        ("de", "http://www.example.com/deutsch/"),
        ("de-ch", "http://www.example.com/schweiz-deutsch/"),
        ("en", "http://www.example.com/english/"),
    )


def test_hostile_xml_expands_nothing() -> None:
    files = sorted((SUITES / "xml").iterdir())
    for path in files:
        body = path.read_bytes()
        with pytest.raises(NotASitemap):
            list(read_sitemap(body, "http://www.example.com/s.xml"))
        # The same document type on a real sitemap: its entities stay unexpanded.
        declared = re.search(rb"<!DOCTYPE[^\[]*\[.*?\]>", body, re.S)
        name = re.search(rb"<!ENTITY (\w+)", body)
        if declared and name:
            hostile = declared.group(0) + b"<urlset><url><loc>http://www.example.com/&" + name.group(1) + b";</loc></url></urlset>"
            try:
                locs = [entry.url for entry in read_sitemap(hostile, "http://www.example.com/s.xml")]
            except NotASitemap:
                locs = []
            assert all(len(loc) < 100 and "root:" not in loc for loc in locs)
    figure("hostile XML survived", len(files), len(files))


def test_bombs_are_refused_and_pages_decoded() -> None:
    where = SUITES / "bombs"
    bombs = {"bomb-br.bin": "br", "bomb-deflate.bin": "deflate", "bomb-gzip.bin": "gzip", "bomb-zstd.bin": "zstd"}
    for name, coding in bombs.items():
        with pytest.raises((Bomb, Undecodable)):
            collect(iter([(where / name).read_bytes()]), coding, **LIMITS)
    pages = {
        "html-br.bin": "br", "html-gzip.bin": "gzip", "html-rawdeflate.bin": "deflate", "html-zlibdeflate.bin": "deflate",
        "html-gzip-deflate.bin": "gzip, deflate", "html-gzip-deflate-gzip.bin": "gzip, deflate, gzip",
        "html-zstd-static-content-size.bin": "zstd", "html-zstd-static-no-content-size.bin": "zstd",
        "html-zstd-streaming-no-content-size.bin": "zstd",
    }  # fmt: skip
    decoded = {name: collect(iter([(where / name).read_bytes()]), coding, **LIMITS)[0] for name, coding in pages.items()}
    assert all(len(body) > 10_000 and b"<html" in body[:500].lower() for body in decoded.values())
    # One page throughout; the deflate files spell one character differently.
    assert max(map(len, decoded.values())) - min(map(len, decoded.values())) <= 3
    for name in ("truncated-crc-error.gz", "truncated-crc-error-short.gz"):
        assert collect(iter([(where / name).read_bytes()]), "gzip", **LIMITS)[0].rstrip().endswith((b"</html>", b"</html"))
    body, cut = collect(iter([(where / "unexpected-eof.gz").read_bytes()]), "gzip", **LIMITS)
    assert cut
    assert body.decode("cp1252") == (where / "unexpected-eof-output.txt").read_text(encoding="utf-8")
    # In small chunks, as they come over a line.
    raw = (where / "html-gzip-deflate-gzip.bin").read_bytes()
    pieces = iter([raw[i : i + 7] for i in range(0, len(raw), 7)])
    assert collect(pieces, "gzip, deflate, gzip", **LIMITS)[0] == decoded["html-gzip.bin"]
    figure("bombs refused", len(bombs), len(bombs))
    figure("encoded pages read", len(pages) + 3, len(pages) + 3)


def test_ssrf_payloads_reach_nothing() -> None:
    text = (SUITES / "ssrf/payloads.md").read_text(encoding="utf-8")
    text = text.partition("## Labs")[0].partition("## Methodology")[2]
    found = set(re.findall(r"(?:^|\s|`)((?:[a-z]+:)+(?://?)[^\s`)]+)", text, re.M))
    # Hosts of the payload authors' own tools are public and of no interest.
    public = re.compile(r"//1\.1\.1\.1|github\.com|blackhat\.com|developer\.mozilla|tcpipguide|brutelogic|web\.archive")
    urls = sorted(url for url in found if not public.search(url))
    rows = list(why_rows([{"id": n, "url": url} for n, url in enumerate(urls)]))
    reached = [url for url, row in zip(urls, rows, strict=True) if row["address_ok"]]
    figure("SSRF payloads refused", len(urls) - len(reached), len(urls))
    # Without a resolver every public name is refused too; with one, only names of public sites may pass.
    assert not [url for url in reached if re.search(r"//(\d|\[|0x|localhost|ip6)", url)]
    assert len(urls) > 50


def test_why_batch_is_json_and_in_order() -> None:
    rows = [{"id": "b", "url": "HTTP://Example.com:80/a/../b?z=1&a=2#x"}, {"id": "a", "url": "http://127.1/"}]
    rows.append({"id": "r", "url": "http://x.example/p", "agent": "foobot", "robots": "User-agent: *\nDisallow: /p"})
    out = list(why_rows(rows))
    assert [row["id"] for row in out] == ["b", "a", "r"]
    assert out[0]["normalized"] == "http://example.com/b?a=2&z=1"
    assert out[1]["address_ok"] is False
    assert out[2]["robots_ok"] is False
    json.dump(out, io.StringIO())
