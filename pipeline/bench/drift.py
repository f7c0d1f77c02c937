"""Planted creep, false alarms, near-clones and undersold capabilities, measured on labelled products.

    saysdoes bench drift [--folder DIR] [--gold DIR --sites DIR] [--nights N] [--json FILE] [--plot FILE.svg]

Every product folder has site/ and docs/. Creep replaces 5 % of a page's sentences a night by generic copy that no model was trained on
(corpora/generic/unseen.txt); normal editing swaps in sentences of the same site, adds and drops some. All draws are seeded.
The sentence model shipped was fitted on corpora/bench: its own figures on unseen products stand in models/sentences/card.md.
"""

from __future__ import annotations

import argparse
import html
import json
import pathlib
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.capabilities import passages, plan_ladder
from pipeline.claims import read_sentences, types_of
from pipeline.config import Config
from pipeline.documents import READABLE, read_document
from pipeline.drift import Night, PageDrift, Snapshot, compare_page, compare_sections, share_of_voice, watch
from pipeline.embed import CachedEncoder, open_encoder
from pipeline.errors import SaysdoesError
from pipeline.generic import compare_pages, near_clones, page_copy, page_kind
from pipeline.match import Index, build_index
from pipeline.records import Block, BlockKind, Page, Sentence
from pipeline.sentences import SentenceModel
from pipeline.undersold import undersold

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "corpora" / "bench"
UNSEEN = ROOT / "corpora" / "generic" / "unseen.txt"
PAGES = 6  # creeping pages per product
LEAST = 20  # sentences of a page that takes part
CREEP = 0.05


Line = tuple[Sentence, Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product read, indexed and judged; `lines` are the sentences of each page with their blocks, repeated ones once.

    `seconds` of the main thread's CPU are spent on reading and embedding, then on what this room adds to an audit. `whole` says that every page of the site was read.
    """

    name: str
    pages: tuple[Page, ...]
    lines: tuple[tuple[Line, ...], ...]
    index: Index
    gold: tuple[dict[str, str], ...]
    seconds: tuple[float, float]
    whole: bool


class Scale:
    """Scores lines of a page as an audit would: all of them, in their places."""

    def __init__(self, encoder: CachedEncoder, model: SentenceModel) -> None:
        self.encoder, self.model = encoder, model

    def weigh(self, page: Page, lines: Sequence[Line], index: Index) -> Snapshot:
        sentences = self.model.judge(
            [s for s, _ in lines], [b for _, b in lines], self.encoder, index, page_kind(page).value
        )
        return Snapshot(source=page.source, sentences=tuple(sentences), instrument=self.model.version)


def read_product(labels: pathlib.Path, base: pathlib.Path, scale: Scale, most: int) -> Product:
    """At most `most` pages of the site, spread over it (0: all). Raises OSError when the folder has no docs."""
    started = time.thread_time()
    encoder = scale.encoder
    files = {
        side: sorted(
            p for p in (base / side).rglob("*") if p.is_file() and p.suffix.lower() in READABLE and p.suffix != ".txt"
        )
        for side in ("docs", "site")
    }
    docs = [read_document(p.read_bytes(), str(p.relative_to(base)), verbatim=True) for p in files["docs"]]
    index = build_index(passages(docs, plan_ladder(docs)), encoder)
    some = files["site"]
    if most and len(some) > most:
        some = [some[i] for i in np.unique(np.linspace(0, len(some) - 1, most).astype(int))]
    pages = []
    for path in some:
        try:
            pages.append(read_document(path.read_bytes(), str(path.relative_to(base)), verbatim=False))
        except SaysdoesError:
            continue
    lines = tuple(tuple({s.text: (s, p.blocks[s.block]) for s in read_sentences(p)}.values()) for p in pages)
    encoder.encode([s.text for page in lines for s, _ in page])
    embedded = time.thread_time()
    looked = []
    for page in pages:
        read = read_sentences(page)
        judged = scale.model.judge(read, [page.blocks[x.block] for x in read], encoder, index, page_kind(page).value)
        looked.append((page, judged, page_copy(page, judged, index, encoder)))
    compare_pages(looked, index, encoder)
    share_of_voice({p.source: [(s, 0.5) for s in judged] for p, judged, _ in looked}, index, encoder)
    done = time.thread_time()
    wanted = labels / "undersold.jsonl"
    return Product(
        name=labels.name,
        pages=tuple(pages),
        lines=lines,
        index=index,
        gold=tuple(json.loads(x) for x in wanted.read_text(encoding="utf-8").splitlines() if x.strip()),
        seconds=(embedded - started, done - embedded),
        whole=len(some) == len(files["site"]),
    )


def chosen(product: Product) -> list[int]:
    """Numbers of up to PAGES pages with enough text, spread over the site in order of path."""
    order = sorted(range(len(product.pages)), key=lambda i: product.pages[i].source)
    enough = [i for i in order if len(product.lines[i]) >= LEAST]
    return [enough[i] for i in np.unique(np.linspace(0, len(enough) - 1, PAGES).astype(int))] if enough else []


def filler() -> list[str]:
    """Generic copy that no model was fitted on."""
    return [x for x in UNSEEN.read_text(encoding="utf-8").splitlines() if x and not x.startswith("#")]


def _put(text: str, block: Block) -> Line:
    sentence = Sentence(text=text, block=0, start=0, end=len(text), types=types_of(text), checkable=False)
    return sentence, replace(block, text=text, cells=(), columns=(), reading="")


def creep(product: Product, scale: Scale, nights: int) -> tuple[list[int | None], int | None, list[list[float]]]:
    """Nights to the page alarms, to the site's alarm, and the generic share of each page night by night."""
    pages = chosen(product)
    compared: list[list[PageDrift]] = []
    for number, place in enumerate(pages):
        page, rng = product.pages[place], np.random.default_rng(100 + number)
        now = list(product.lines[place])
        baseline = scale.weigh(page, now, product.index)
        order = rng.permutation(len(now)).tolist()
        fresh = [filler()[i] for i in rng.permutation(len(filler()))]
        rows: list[PageDrift] = []
        for _ in range(nights):
            for _ in range(max(1, round(CREEP * len(now)))):
                if order and fresh:
                    line = order.pop()
                    now[line] = _put(fresh.pop(), now[line][1])
            rows.append(compare_page(baseline, scale.weigh(page, now, product.index), scale.encoder))
        compared.append(rows)
    first = [_first(watch([_night(i, d.after, d.drifting) for i, d in enumerate(rows)])) for rows in compared]
    return first, _first(watch(_site(compared, nights))), [[d.after or 0.0 for d in rows] for rows in compared]


def _site(compared: Sequence[Sequence[PageDrift]], nights: int) -> list[Night]:
    """The nights of the whole site, all of its pages tested together."""
    found = []
    for night in range(nights):
        section = compare_sections({"site": [rows[night] for rows in compared]})[0]
        found.append(_night(night, section.rise, section.drifting))
    return found


def _night(number: int, value: float | None, drifting: bool) -> Night:
    return Night(date=f"{number + 1:03d}", value=value, drifting=drifting, instrument="same")


def _first(alarms: Sequence[object]) -> int | None:
    return int(getattr(alarms[0], "confirmed", "0")) if alarms else None


def false_alarms(product: Product, scale: Scale, nights: int, edits: float) -> tuple[int, int, int]:
    """(page alarms, page-nights, alarms of the whole site). With the chance `edits` a night a page gets one to three sentences of any pages of its site, or loses some."""
    others = [line for page in product.lines for line in page if len(line[0].text.split()) >= 4]
    alarms = total = 0
    compared: list[list[PageDrift]] = []
    for number, place in enumerate(chosen(product)):
        page, rng = product.pages[place], np.random.default_rng(900 + number)
        now = list(product.lines[place])
        baseline = scale.weigh(page, now, product.index)
        rows, last = [], compare_page(baseline, baseline, scale.encoder)
        for _ in range(nights):
            if rng.random() < edits:
                for _ in range(int(rng.integers(1, 4))):
                    line, what = int(rng.integers(len(now))), rng.random()
                    fresh = others[int(rng.integers(len(others)))]
                    if what < 0.6:
                        now[line] = fresh
                    elif what < 0.85:
                        now.insert(line, fresh)
                    elif len(now) > LEAST:
                        del now[line]
                last = compare_page(baseline, scale.weigh(page, now, product.index), scale.encoder)
            rows.append(last)
        alarms += len(watch([_night(i, d.after, d.drifting) for i, d in enumerate(rows)]))
        total += nights
        compared.append(rows)
    return alarms, total, len(watch(_site(compared, nights)))


def clones(product: Product) -> tuple[int, int, int, int]:
    """(planted clones found, planted, real pages wrongly paired, real pages): each of up to 20 pages is copied with its key words changed."""
    pages = [p for p in product.pages if sum(len(b.text.split()) for b in p.blocks if b.region == "main") >= 80]
    rng = np.random.default_rng(7)
    found = 0
    some = [pages[i] for i in np.unique(np.linspace(0, len(pages) - 1, 20).astype(int))] if pages else []
    for page in some:
        text = " ".join(b.text for b in page.blocks).lower()
        words = sorted(w for w in set(re.findall(r"[a-z]{6,}", text)) if 3 <= text.count(w) <= 40)
        swap = {w: f"{w[::-1]}" for w in (rng.permutation(words)[:3].tolist() if words else [])}
        blocks = tuple(
            replace(b, text=_swapped(b.text, swap), cells=(), columns=()) for b in page.blocks if rng.random() > 0.03
        )
        found += bool(near_clones([page, replace(page, source="clone", blocks=blocks)]))
    wrong = {s for c in near_clones(pages) for s in (c.first, c.second)}
    return found, len(some), len(wrong), len(pages)


def _swapped(text: str, swap: dict[str, str]) -> str:
    for old, new in swap.items():
        text = re.sub(old, new, text, flags=re.I)
    return text


def undersold_found(product: Product, encoder: CachedEncoder, most: int = 30) -> tuple[int, int]:
    """Gold capabilities among the first `most` listed: by quote (the same document, and half of the shorter quote's words in the other), and by
    document alone."""
    copy = [s.text for page in product.lines for s, block in page if block.kind is not BlockKind.BUTTON]
    listed = undersold(product.index, copy, encoder, most)

    def words(text: str) -> set[str]:
        return set(re.findall(r"[a-z0-9%$.+]+", text.lower()))

    def same(row: dict[str, str], doc: str, quote: str) -> bool:
        a, b = words(row["quote"]), words(quote)
        return row["doc"] == doc and len(a & b) / max(1, min(len(a), len(b))) >= 0.5

    quoted = sum(any(same(row, u.doc, u.quote) for u in listed) for row in product.gold)
    return quoted, sum(any(row["doc"] == u.doc for u in listed) for row in product.gold)


def plot(series: dict[str, list[float]], alarm: int | None) -> str:
    """An SVG of generic shares over nights, one line a page, with the night of the site's alarm."""
    width, height, left, top = 720, 320, 48, 34
    nights = max(len(v) for v in series.values())
    flat = [x for v in series.values() for x in v]
    low, high = max(0.0, min(flat) - 5), min(100.0, max(flat) + 5)

    def spot(i: int, v: float) -> str:
        x = left + i * (width - left - 180) / max(1, nights - 1)
        return f"{x:.1f},{top + (high - v) / (high - low) * (height - top - 40):.1f}"

    colours = ("#1b6ca8", "#c2571a", "#3b7d3b", "#7b4ea3", "#a83246", "#5d5d5d")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/><text x="{left}" y="18" font-size="13">Generic share of a creeping '
        "site, per cent of words, by night</text>",
    ]
    for tick in range(int(low // 10 * 10), int(high) + 1, 10):
        if low <= tick <= high:
            y = spot(0, tick).split(",")[1]
            parts.append(
                f'<text x="{left - 28}" y="{y}">{tick}</text><path d="M{left} {y}H{width - 180}" stroke="#ddd"/>'
            )
    for n in range(0, nights, 5):
        parts.append(f'<text x="{spot(n, low).split(",")[0]}" y="{height - 14}">{n + 1}</text>')
    for k, (name, values) in enumerate(series.items()):
        colour = colours[k % len(colours)]
        line = " ".join(spot(i, v) for i, v in enumerate(values))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{width - 172}" y="{top + 12 + 16 * k}" fill="{colour}">{html.escape(name if len(name) <= 28 else "…" + name[-27:])}</text>'
        )
    if alarm is not None:
        x = spot(alarm - 1, low).split(",")[0]
        parts.append(f'<path d="M{x} {top}V{height - 40}" stroke="#b00" stroke-dasharray="4 3"/>')
        parts.append(f'<text x="{x}" y="{height - 28}" fill="#b00">site alarm, night {alarm}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main(argv: Sequence[str], config: Config) -> int:
    """Prints one row a product and the totals; 0 when it ran."""
    parser = argparse.ArgumentParser(prog="saysdoes bench drift", description=__doc__)
    parser.add_argument(
        "--folder", type=pathlib.Path, default=BENCH, help="products with site/, docs/ and undersold.jsonl"
    )
    parser.add_argument("--gold", type=pathlib.Path, help="labels of further products")
    parser.add_argument("--sites", type=pathlib.Path, help="their site/ and docs/")
    parser.add_argument("--products", nargs="*", help="only these")
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument(
        "--edits", type=float, default=0.1, help="chance that a page is edited in a night (default 0.1)"
    )
    parser.add_argument(
        "--pages", type=int, default=12, help="pages read of each site, spread over it; 0 for all (undersold needs all)"
    )
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plot", type=pathlib.Path)
    args = parser.parse_args(argv)
    folders = [(d, args.sites / d.name) for d in _labelled(args.gold)] if args.gold and args.sites else []
    folders = folders or [(d, d) for d in _labelled(args.folder)]
    encoder, model = open_encoder(config.models.retriever, config.cache_file), SentenceModel(config.models.sentences)
    scale = Scale(encoder, model)
    rows: list[dict[str, object]] = []
    pages: list[int | None] = []
    sites: list[int | None] = []
    totals = np.zeros(15)
    for labels, base in folders:
        if args.products and labels.name not in args.products:
            continue
        product = read_product(labels, base, scale, args.pages)
        first, site, shares = creep(product, scale, args.nights)
        still = false_alarms(product, scale, args.nights, 0.0)
        edits = false_alarms(product, scale, args.nights, args.edits)
        copies = clones(product)
        sold = undersold_found(product, encoder) if product.whole else (0, 0)
        pages += first
        totals += [
            *still[:2], *edits[:2], *copies, sold[0], len(product.gold) if product.whole else 0, *product.seconds, edits[2], args.nights, sold[1]
        ]  # fmt: skip
        sites.append(site)
        row: dict[str, object] = {
            "product": product.name, "creep_page_nights": first, "creep_site_night": site, "unchanged": still, "edited": edits,
            "clones": copies, "undersold": [*sold, len(product.gold)] if product.whole else None,
            "seconds": [round(s, 2) for s in product.seconds],
        }  # fmt: skip
        rows.append(row)
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
        if args.plot and shares:
            args.plot.write_text(
                plot({product.pages[i].source: v for i, v in zip(chosen(product), shares, strict=True)}, site),
                encoding="utf-8",
            )
    known = sorted(n if n is not None else args.nights + 1 for n in pages)
    whole = sorted(n if n is not None else args.nights + 1 for n in sites)
    total: dict[str, object] = {
        "creep_sites": len(whole),
        "creep_site_median_nights": whole[len(whole) // 2] if whole else None,
        "creep_site_most_nights": whole[-1] if whole else None,
        "creep_pages": len(known),
        "creep_median_nights": known[len(known) // 2] if known else None,
        "creep_within_8": round(sum(n <= 8 for n in known) / max(1, len(known)), 4),
        "unchanged_alarm_rate": totals[0] / max(1, totals[1]),
        "edited_alarm_rate": round(totals[2] / max(1, totals[3]), 5),
        "edited_site_alarms": [int(totals[12]), int(totals[13])],
        "clones_found": round(totals[4] / max(1, totals[5]), 4),
        "real_pages_paired": round(totals[6] / max(1, totals[7]), 4),
        "undersold_found": round(totals[8] / totals[9], 4) if totals[9] else None,
        "undersold_documents_found": round(totals[14] / totals[9], 4) if totals[9] else None,
        "cost_over_reading_and_embedding": round(totals[11] / max(1e-9, totals[10]), 4),
    }
    sys.stdout.write(json.dumps(total, indent=1) + "\n")
    if args.json:
        args.json.write_text(json.dumps({"products": rows, "total": total}, indent=1) + "\n", encoding="utf-8")
    return 0


def _labelled(folder: pathlib.Path | None) -> list[pathlib.Path]:
    return sorted(d for d in folder.iterdir() if (d / "undersold.jsonl").exists()) if folder else []
