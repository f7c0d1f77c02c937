"""The body of an article: which part of a page is the text that it is there for.

A blog post or news page carries teasers of other posts, comments, share bars and author notes around its text, and none
of those are what the page claims. Paragraphs lend their weight to what holds them, the heaviest holder is the body
(Arc90 Readability's idea, by own weights); parts of it that say of themselves that they are something else are taken
out. Pages without enough running text, as most marketing pages are, have no body and stay whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bs4 import BeautifulSoup
from bs4.element import Comment, NavigableString, Tag

# Names of classes and ids under which sites keep what is not the text. Whole words, as parts of names.
NOISE = re.compile(
    r"(?:^|[-_\s])(?:related|recommend\w*|recirc\w*|share|sharing|sharedaddy|social\w*|comments?|commentlist|disqus\w*|respond"
    r"|newsletter\w*|subscribe\w*|subscription|sign-?up|promo\w*|advert\w*|ads?|ad-?\w*slot|sponsor\w*|sidebar\w*|side-?bar"
    r"|widgets?|breadcrumbs?|byline|bylines|author(?:-?\w*)?|post-?meta|entry-?meta|article-?meta|meta|tags?|taglist"
    r"|tag-?cloud|outbrain|taboola|popular|trending|most-?read|read-?more|read-?next|up-?next|more-?(?:from|stories|news|posts)"
    r"|also-?(?:read|like)|pagination|pager|prev-?next|post-?nav\w*|site-?nav\w*|nav|navigation|menu|toolbar|toc|print-?only"
    r"|caption\w*|credits?|wp-caption-text|gallery|slideshow|carousel|video-?player|player|poll|quiz|rating\w*|popup|modal"
    r"|cookies?|paywall|donat\w*|banner|masthead|copyright|disclaimer|footer|timestamp|dateline|date|hidden|sr-only"
    r"|screen-reader\w*|visually-?hidden|skip-?link|bio|profile|follow\w*|topics|categories|category-?list|keywords|listing)"
    r"(?:$|[-_\s])",
    re.I,
)
# What is noise however much of the page it takes, short of nearly all.
SURELY = re.compile(r"(?:^|[-_\s])(?:comments?|commentlist|disqus\w*|respond|footer|sidebar|related)(?:$|[-_\s])", re.I)
# What surely is of other pages or other people; narrower than the above, because claims are not read from it.
BESIDE = re.compile(
    r"(?:^|\s)(?:[\w-]*(?:related|recent|latest|recommended|popular|more|other|similar|trending|next)[-_]*"
    r"(?:posts?|articles?|stories|reads?|reading|news|entries|blogs?)|[\w-]*comments?[-_]*(?:list|area|section|wrapper|form|thread)?"
    r"|disqus_thread|respond|outbrain[\w-]*|taboola[\w-]*|most-read|read-next|you-may-also-like)(?:\s|$)",
    re.I,
)
ARTICLE_TYPE = re.compile(r'"@type"\s*:\s*\[?\s*"(?:\w*Article|BlogPosting)"')
HIDDEN = re.compile(r"display\s*:\s*none", re.I)
# What may hold a body. Lists, quotations and rows hold parts of one.
HOLDERS = frozenset({"div", "section", "article", "main", "td", "body", "center", "span", "font"})
# What a name of this kind is called is not taken as noise: it holds the text on too many sites.
BODY = re.compile(r"article-?(?:body|content|text)|(?:post|entry|story|page|main|blog)-?(?:body|content|text|entry)|articlebody", re.I)
NOISE_TAGS = frozenset({"aside", "nav", "footer", "form", "figure", "figcaption", "button", "dialog", "menu", "address", "time"})
UNREAD = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "object", "select", "textarea", "head"})
PROSE = frozenset({"p", "pre", "blockquote", "li", "dd", "td", "div", "section", "article", "span"})
BLOCK = frozenset({"p", "div", "section", "article", "ul", "ol", "table", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "figure", "form", "aside", "dl"})
# Found on pages other than those of the suite's figures: shorter runs are teasers and labels.
MIN_PROSE = 40
MIN_BODY = 200
MAX_ELEMENTS, MAX_DEPTH = 40_000, 400
LISTS = frozenset({"ul", "ol", "div", "section", "table", "p", "li", "h2", "h3", "h4"})


@dataclass(slots=True)
class Body:
    """The body of an article. `holders` hold its text; of what lies in them `noise` is not part of it."""

    holders: list[Tag] = field(default_factory=list)
    noise: set[int] = field(default_factory=set)
    prose: int = 0


def _words(tag: Tag) -> str:
    return f"{' '.join(tag.get('class') or [])} {tag.get('id') or ''}"


def is_noise(tag: Tag) -> bool:
    """Whether a part of a page calls itself something else than its text."""
    if tag.name in NOISE_TAGS:
        return True
    if tag.name in {"article", "main", "body", "html"}:
        return False  # blogs write categories and tags of a post into the class of its article
    names = _words(tag)
    return bool(names.strip()) and NOISE.search(names) is not None and BODY.search(names) is None


class _Page:
    """One page: where its running text lies. `too_large` for trees that no honest page has; nothing is measured then."""

    def __init__(self, root: Tag) -> None:
        self.runs: list[tuple[Tag, int]] = []
        # Characters under each element: of running text, of any text, of links.
        self.prose: dict[int, int] = {}
        self.length: dict[int, int] = {}
        self.links: dict[int, int] = {}
        self.total = 0
        self.too_large = not self._measure(root)

    def _measure(self, root: Tag) -> bool:
        order: list[tuple[Tag, Tag | None]] = []
        todo: list[tuple[Tag, Tag | None, int]] = [(root, None, 0)]
        while todo:
            tag, above, depth = todo.pop()
            if depth > MAX_DEPTH or len(order) > MAX_ELEMENTS:
                return False
            order.append((tag, above))
            inner = [(c, tag, depth + 1) for c in tag.children if isinstance(c, Tag) and c.name not in UNREAD]
            todo += reversed(inner)
        for tag, above in reversed(order):  # what an element holds is measured before it
            key = id(tag)
            text = sum(len(c.strip()) for c in tag.children if isinstance(c, NavigableString) and not isinstance(c, Comment))
            self.length[key] = self.length.get(key, 0) + text
            if tag.name == "a":
                self.links[key] = self.length[key]
            self._run(tag)
            if above is not None:
                for sums in (self.length, self.links, self.prose):
                    if key in sums:
                        sums[id(above)] = sums.get(id(above), 0) + sums[key]
        self.runs.reverse()  # in reading order
        self.total = self.prose.get(id(root), 0)
        return True

    def own(self, tag: Tag) -> tuple[int, int]:
        """Characters of text right in `tag` and its inline parts: (all, within links)."""
        total = linked = 0
        for child in tag.children:
            if isinstance(child, NavigableString):
                total += 0 if isinstance(child, Comment) else len(child.strip())
            elif isinstance(child, Tag) and child.name not in UNREAD and child.name not in BLOCK:
                total += self.length.get(id(child), 0)
                linked += self.links.get(id(child), 0)
        return total, linked

    def _run(self, tag: Tag) -> None:
        if tag.name not in PROSE:
            return
        total, linked = self.own(tag)
        short = 2 * MIN_PROSE if tag.name in {"li", "td", "span"} else MIN_PROSE
        if total >= short and linked <= 0.5 * total:
            self.runs.append((tag, total))
            self.prose[id(tag)] = self.prose.get(id(tag), 0) + total

    def link_list(self, tag: Tag) -> bool:
        """A list of links: a table of contents, related posts, tags."""
        text = self.length.get(id(tag), 0)
        if tag.name not in LISTS or not text or (tag.name in {"p", "div"} and text > 600):
            return False
        return self.links.get(id(tag), 0) > 0.75 * text

    def noise(self, tag: Tag) -> bool:
        """Whether `tag` is not the page's text, by its name; what holds most of the running text is, whatever its name."""
        if not is_noise(tag):
            return False
        share = self.prose.get(id(tag), 0) / max(1, self.total)
        return share < (0.8 if SURELY.search(_words(tag)) else 0.35)


def find_body(soup: BeautifulSoup) -> Body | None:
    """The body of the article on the page; None where there is none."""
    root = soup.body or soup
    page = _Page(root)
    if page.too_large:
        return None
    score: dict[int, float] = {}
    prose: dict[int, int] = {}
    tags: dict[int, Tag] = {}
    known: dict[int, bool] = {}

    def within_noise(tag: Tag) -> bool:
        path = []
        for above in (tag, *tag.parents):
            if id(above) in known:
                break
            path.append(above)
        answer = known.get(id(above), False)
        for one in reversed(path):
            answer = answer or page.noise(one)
            known[id(one)] = answer
        return answer

    for tag, total in page.runs:
        if within_noise(tag):
            continue
        weight = 1 + min(total / 100, 6.0)
        share = 1.0
        # A block that holds its text itself is a holder as well (`<div>text<br>text</div>`).
        above = tag if tag.name in {"div", "section", "article"} else tag.parent
        for _ in range(4):
            if above is None or above.name in {"html", "[document]"}:
                break
            if above.name in HOLDERS:
                tags[id(above)] = above
                score[id(above)] = score.get(id(above), 0.0) + weight * share
            prose[id(above)] = prose.get(id(above), 0) + total
            share *= 0.6
            above = above.parent
    if not score:
        return None
    best = tags[max(score, key=lambda k: score[k])]
    found = Body(holders=[best, *_siblings(best, page, prose), *_twins(best, page)])
    found.prose = sum(page.prose.get(id(holder), 0) for holder in found.holders)
    if found.prose < MIN_BODY:
        return None
    for holder in found.holders:
        most = 0.4 * page.prose.get(id(holder), 0)
        for tag in holder.find_all(True):
            if (page.noise(tag) and page.prose.get(id(tag), 0) <= most) or page.link_list(tag):
                found.noise.add(id(tag))
    return found


def _siblings(best: Tag, page: _Page, prose: dict[int, int]) -> list[Tag]:
    """Text beside the heaviest holder: a first paragraph, the second half of a text that an advertisement parts."""
    parent, found = best.parent, []
    if parent is None or parent.name in {"html", "[document]"}:
        return []
    for sibling in parent.children:
        if not isinstance(sibling, Tag) or sibling is best or sibling.name in UNREAD or page.noise(sibling):
            continue
        own = prose.get(id(sibling), 0)
        if sibling.name == "p":
            total, linked = page.own(sibling)
            own = total if linked < 0.3 * total else 0
        if own >= 0.2 * prose[id(best)] or (sibling.name == "p" and own >= 2 * MIN_PROSE):
            found.append(sibling)
    return found


def _twins(best: Tag, page: _Page) -> list[Tag]:
    """Other pieces of a text that a template cuts up: the same element with the same classes, within the same article."""
    classes = best.get("class")
    if not classes:
        return []
    above, room = best.parent, best.parent
    for _ in range(5):
        if above is None or above.name in {"html", "body", "[document]"}:
            break
        room = above
        if above.name in {"article", "main"}:
            break
        above = above.parent
    if room is None:
        return []
    return [
        twin
        for twin in room.find_all(best.name, class_=True)
        if twin.get("class") == classes
        and twin is not best
        and twin.parent is not best.parent
        and best not in twin.parents
        and twin not in best.parents
        and page.prose.get(id(twin), 0) >= 2 * MIN_PROSE
        and not any(page.noise(p) for p in twin.parents if p is not room and room in p.parents)
    ]


def is_article(soup: BeautifulSoup) -> bool:
    """Whether the page says of itself that it is an article or blog post."""
    for meta in soup.find_all("meta", attrs={"property": "og:type"}):
        if str(meta.get("content") or "").strip().lower() == "article":
            return True
    if any(ARTICLE_TYPE.search(script.get_text()[:200_000]) for script in soup.find_all("script", type="application/ld+json")):
        return True
    return soup.select_one('[itemtype*="schema.org/"][itemtype$="Article"], [itemtype*="schema.org/"][itemtype$="BlogPosting"]') is not None


def beside_article(soup: BeautifulSoup) -> frozenset[int]:
    """`id()` of the elements of an article page that hold what readers or other pages say: comments, teasers of other
    posts. Empty for other pages. What merely stands outside the text (an offer, a hero) is not among them: it is copy.
    """
    root = soup.body or soup
    if not is_article(soup):
        return frozenset()
    page = _Page(root)
    if page.too_large:
        return frozenset()
    return frozenset(
        id(tag)
        for tag in root.find_all(True)
        if tag.name not in {"article", "main"} and BESIDE.search(_words(tag)) and page.prose.get(id(tag), 0) < 0.35 * page.total
    )


def article_text(soup: BeautifulSoup) -> str:
    """The text of the body, a line a block; "" where the page has none."""
    body = find_body(soup)
    if body is None:
        return ""
    out: list[str] = []
    places = {id(tag): n for n, tag in enumerate(soup.find_all(True))}
    for holder in sorted(body.holders, key=lambda tag: places[id(tag)]):
        todo: list[Tag | NavigableString | str] = [holder]
        while todo:
            node = todo.pop()
            if isinstance(node, Tag):
                if node.name in UNREAD or id(node) in body.noise or node.has_attr("hidden") or HIDDEN.search(str(node.get("style") or "")):
                    continue
                apart = ["\n"] if node.name in BLOCK or node.name in {"br", "li"} else []
                todo += [*apart, *reversed([c for c in node.contents if isinstance(c, Tag | NavigableString)]), *apart]
            elif not isinstance(node, Comment):
                out.append(str(node))
        out.append("\n")
    lines = (" ".join(line.split()) for line in "".join(out).split("\n"))
    return "\n".join(line for line in lines if line)
