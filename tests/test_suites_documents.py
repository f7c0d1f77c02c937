"""Documents and structured data of third-party suites that lie beside the repository; skipped where they are absent.

`pytest tests/test_suites_documents.py -s` prints the figures that docs/crawling.md quotes.
"""

from __future__ import annotations

import collections
import json
import pathlib
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.documents import Unreadable, read_document
from pipeline.page import JSON_LD_KEYS, read_html
from pipeline.records import Page

SUITES = pathlib.Path(__file__).resolve().parents[2] / "shared" / "suites"
pytestmark = pytest.mark.skipif(not SUITES.is_dir(), reason=f"the third-party suites are not at {SUITES}")
# The expected text of `test.md` is that of the PDF; DOCX and PPTX of the same name hold other words.
EXPECTED = ("RECEIPT-2024-TXN-98765_retail_purchase", "REPAIR-2022-INV-001_multipage", "SPARSE-2024-INV-1234_borderless_table",
            "movie-theater-booking-2024", "test")  # fmt: skip


def words(text: str) -> collections.Counter[str]:
    return collections.Counter(re.findall(r"\w+", text))


def text_of(page: Page) -> str:
    return " ".join(b.text for b in page.blocks)


def test_every_document_is_read_or_refused_with_a_reason() -> None:
    read = refused = 0
    files = sorted(f for f in (SUITES / "documents").iterdir() if f.is_file())
    for file in files:
        began = time.process_time()
        try:
            page = read_document(file.read_bytes(), str(file), verbatim=True, suffix=file.suffix)
            read += 1
            assert page.blocks, file.name
        except Unreadable as err:
            refused += 1
            assert len(str(err)) > 20
        assert time.process_time() - began < 10, file.name
    sys.stdout.write(f"\n{'documents read / refused with a reason':38} {read} / {refused} of {len(files)}")
    assert read + refused == len(files)
    assert read >= 17


def test_text_of_pdfs_is_whole() -> None:
    for name in EXPECTED:
        want = words((SUITES / "documents" / "expected_outputs" / f"{name}.md").read_text(encoding="utf-8"))
        file = SUITES / "documents" / f"{name}.pdf"
        have = words(text_of(read_document(file.read_bytes(), str(file), verbatim=True, suffix=".pdf")))
        recall = (want & have).total() / want.total()
        sys.stdout.write(f"\n{file.name[:38]:38} {recall:.3f} of {want.total()} words")
        assert recall >= 0.99, name


def strings(data: Any) -> Iterator[str]:
    if isinstance(data, list):
        for item in data:
            yield from strings(item)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key in JSON_LD_KEYS:
                yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))
            yield from strings(value)


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", re.sub(r"<[^>]+>", " ", text)).strip()


def test_json_ld_is_copy() -> None:
    good = total = 0
    for file in sorted((SUITES / "structured_data").rglob("*.html")):
        page = read_html(file.read_bytes(), str(file))  # never raises
        want = file.with_suffix(".jsonld")
        # What lies in the folders of invalid files is broken on purpose; two of them with comments can be read.
        if not want.exists() or (".invalid" in file.parent.name and not file.name.startswith("JSONLD_")):
            continue
        have = {plain(b.text) for b in page.blocks}
        texts = [t for text in strings(json.loads(want.read_text(encoding="utf-8"))) if (t := plain(text))]
        total += len(texts)
        good += sum(any(t in h for h in have) for t in texts)
    sys.stdout.write(f"\n{'JSON-LD texts found':38} {good} of {total}")
    assert total > 600
    assert good == total
