"""`bench nightly same`: the demo's findings with one worker, with four and a shuffled order of pages, and on Ray; real judge."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import random
import sys
import time
from collections.abc import Sequence

from pipeline import report
from pipeline.audit import sold_copy
from pipeline.config import Config
from pipeline.engine import open_engine
from pipeline.errors import UsageError
from pipeline.records import Fetched, Page, Problem
from pipeline.sources import read_places

DEMO = pathlib.Path(__file__).resolve().parent.parent.parent / "corpora" / "demo"


def _no_fetch(urls: Sequence[str]) -> tuple[list[Fetched], list[Problem]]:
    raise UsageError(f"The demo is a folder; nothing is fetched for it, and not {urls[0]}.")


def _pages(folder: pathlib.Path, *, verbatim: bool) -> list[Page]:
    read = read_places([str(folder)], verbatim=verbatim, what="Folder", fetch=_no_fetch, stdin=lambda: b"")
    return list(read.pages)


def _findings(config: Config, documents: Sequence[Page], pages: Sequence[Page]) -> str:
    """Everything that is found, pages by their source, as one text."""
    with open_engine(config, documents) as engine:
        audited = sorted(engine.audit(pages), key=lambda p: p.page.source)
        clones, voices = engine.beside(audited)
        sold = engine.undersold(sold_copy(audited))
    return json.dumps([[report.page_part(p) for p in audited], repr((clones, voices, sold))], sort_keys=True)


def same(config: Config) -> bool:
    """Whether engine, number of workers and order of pages change nothing in the findings. Nothing is cached from one way to the next."""
    documents = sorted(_pages(DEMO / "docs", verbatim=True), key=lambda p: p.source)
    pages = sorted(_pages(DEMO / "site", verbatim=False), key=lambda p: p.source)
    shuffled = random.Random(5).sample(pages, len(pages))
    ways = [("1 worker", "local", 1, pages), ("4 workers, pages shuffled", "local", 4, shuffled)]
    if importlib.util.find_spec("ray") is not None:
        ways.append(("2 workers on Ray, pages shuffled", "ray", 2, shuffled))
    wanted, good = "", True
    for name, engine, workers, order in ways:
        began = time.monotonic()
        nightly = config.nightly.model_copy(update={"engine": engine, "workers": workers})
        found = _findings(config.model_copy(update={"cache": "", "nightly": nightly}), documents, order)
        wanted = wanted or found
        good = good and found == wanted
        sys.stdout.write(f"  {name}: {len(found):,} characters of findings in {time.monotonic() - began:.0f} s, "
                         f"{'identical' if found == wanted else 'NOT identical'}\n")  # fmt: skip
        sys.stdout.flush()
    return good
