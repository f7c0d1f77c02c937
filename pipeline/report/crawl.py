"""The result of a crawl as one plain HTML page: counts, changes, and every address that could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup, escape

from pipeline.report.hostile import safe_link, shown

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "li{margin:.2rem 0}h2{margin-top:2rem}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}a{color:#9cf}}"
)


def _link(url: str) -> Markup:
    target = safe_link(url)
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(target, shown(url)) if target else escape(shown(url))


def _list(title: str, items: Iterable[Markup]) -> Markup:
    rows = Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    return Markup("<h3>{}</h3><ul>{}</ul>").format(title, rows) if rows else Markup("")


def crawl_html(document: Mapping[str, Any]) -> str:
    """The page for what `crawl --json` writes. Nothing in it runs or loads."""
    parts = []
    for site in document["sites"]:
        since = (
            f"Since {site['since']}: {len(site['changed'])} changed, {len(site['new'])} new, {len(site['gone'])} gone, "
            f"{site['unchanged']} as they were."
            if site["since"]
            else "First crawl with these settings."
        )
        parts.append(Markup("<h2>{}</h2><p>{} pages read. {}</p>").format(shown(site["site"]), site["pages"], since))
        named = (("Changed", "changed"), ("New", "new"), ("Gone", "gone")) if site["since"] else ()
        for title, key in named:
            parts.append(_list(title, (_link(url) for url in site[key])))
        parts.append(_list("Asks search engines not to list it", (_link(url) for url in site["noindex"])))
        parts.append(_list("In the sitemap, linked from nowhere", (_link(url) for url in site["orphans"])))
    told = (Markup("{}: {}").format(p["kind"], shown(p["message"])) for p in document["problems"])
    parts.append(_list("Not read, and examples of what was left out", told))
    return str(
        Markup(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Crawl</title>'
            "<style>{}</style></head><body><h1>Crawl</h1>{}</body></html>"
        ).format(Markup(STYLE), Markup("").join(parts))
    )
