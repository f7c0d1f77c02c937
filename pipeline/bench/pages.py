"""Main content of article pages against a labelled suite: precision, recall and F1 over runs of four words.

The form and the measure are those of Zyte's article-extraction-benchmark: `ground-truth.json` ({key: {"articleBody"}})
beside `html/KEY.html.gz`; precision and recall are means over pages, F1 is of those means.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import pathlib
import re
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bs4 import BeautifulSoup

from pipeline.article import article_text
from pipeline.errors import UsageError
from pipeline.page import read_html
from pipeline.records import BlockKind, Region

RUN = 4
SUITE = pathlib.Path(__file__).resolve().parents[3] / "shared" / "suites" / "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How two sets of texts agree, each 0-1."""

    f1: float
    precision: float
    recall: float


def runs(text: str) -> collections.Counter[tuple[str, ...]]:
    """Runs of four words of `text` with their counts; a shorter text is one run."""
    words = re.findall(r"\w+", text)
    if len(words) < RUN:
        return collections.Counter([tuple(words)] if words else [])
    return collections.Counter(tuple(words[n : n + RUN]) for n in range(len(words) - RUN + 1))


def agreement(pairs: Iterable[tuple[str, str]]) -> Agreement:
    """Of (true, found) texts. Raises UsageError when nothing was found in any page."""
    precisions, recalls = [], []
    for true, found in pairs:
        want, have = runs(true), runs(found)
        both = (want & have).total()
        if have:
            precisions.append(both / have.total())
        if want:
            recalls.append(both / want.total())
    if not precisions or not recalls:
        raise UsageError("The suite has no page with text: name a folder with ground-truth.json and html/.")
    precision, recall = statistics.mean(precisions), statistics.mean(recalls)
    return Agreement(f1=2 * precision * recall / (precision + recall or 1.0), precision=precision, recall=recall)


def _all_copy(body: bytes) -> str:
    blocks = read_html(body, "page").blocks
    return "\n".join(b.text for b in blocks if b.region is Region.MAIN and b.kind is not BlockKind.ALT)


def measure(suite: pathlib.Path, *, every: int = 1) -> dict[str, Agreement]:
    """Agreement of the article's text, and of all copy outside navigation and footers, with each `every`-th page of the
    suite. Raises UsageError where there is none."""
    try:
        truth = json.loads((suite / "ground-truth.json").read_text(encoding="utf-8"))
    except OSError as err:
        raise UsageError(f"No suite at {suite}: name a folder with ground-truth.json and html/ (--suite).") from err
    found, copy = [], []
    for key, row in sorted(truth.items())[::every]:
        packed = suite / "html" / f"{key}.html.gz"
        body = gzip.decompress(packed.read_bytes()) if packed.exists() else (suite / "html" / f"{key}.html").read_bytes()
        whole = _all_copy(body)
        found.append((str(row["articleBody"]), article_text(BeautifulSoup(body, "lxml")) or whole))
        copy.append((str(row["articleBody"]), whole))
    return {"article text": agreement(found), "all copy": agreement(copy)}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures; always 0."""
    parser = argparse.ArgumentParser(prog="bench pages", description=__doc__)
    parser.add_argument("--suite", type=pathlib.Path, default=SUITE, metavar="FOLDER")
    args = parser.parse_args(argv)
    for name, got in measure(args.suite).items():
        sys.stdout.write(f"{name:14} F1 {got.f1:.4f}  precision {got.precision:.4f}  recall {got.recall:.4f}\n")
    return 0
