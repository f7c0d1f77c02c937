"""What a visitor hands in -> an order for the queue: a URL, pasted copy or a file, each checked before it waits."""

from __future__ import annotations

import pathlib
import re

from pipeline.report.hostile import one_line
from pipeline.store.jobs import Job, Order, QueueFull
from pipeline.web.faults import Fault
from pipeline.web.guard import House, Person
from pipeline.web.products import Product

SUFFIXES = frozenset({".html", ".htm", ".md", ".mdx", ".markdown", ".txt", ".pdf", ".docx", ".pptx"})
MOST_URL = 2000


def order_of(home: House, *, url: str = "", text: str = "", name: str = "", body: bytes | None = None) -> tuple[Order, str]:
    """(order, title). Raises a 422 Fault when there is not exactly one thing to check, or it cannot be one; 413 when too large."""
    given = [bool(url.strip()), bool(text.strip()), body is not None]
    if sum(given) != 1:
        said = "Nothing was given." if not any(given) else "More than one thing was given."
        raise Fault(422, "input", said, "Give one of the three: an address, pasted copy, or a file.")
    web = home.config.web
    if given[0]:
        address = url.strip()
        if not re.match(r"https?://", address, re.I):
            if not re.fullmatch(r"[\w.-]+\.[A-Za-z]{2,}(?::\d+)?(?:[/?#]\S*)?", address):
                raise Fault(422, "url", f"{address[:200]!r} is no address of a page.", "Write it in full: https://www.example.com/pricing")
            address = "https://" + address
        if len(address) > MOST_URL or re.search(r"[\x00-\x20\x7f]", address):
            raise Fault(422, "url", "The address is too long or has blanks in it.", "Copy it from the browser's address bar.")
        return Order(kind="url", name=address), address
    if given[1]:
        data = text.encode("utf-8", "replace")
        if len(data) > web.text_kib * 1024:
            raise Fault(413, "too_large", f"The text has {len(data) // 1024} KiB.", f"At most {web.text_kib} KiB are taken; split it.")
        first = next((one_line(line).lstrip("#*- ") for line in text.splitlines() if line.strip()), "")
        title = first if len(first) <= 70 else first[:70].rsplit(" ", 1)[0].rstrip(" ,;:.") + " …"
        return Order(kind="text", name="pasted text", body=data), title or "Pasted copy"
    assert body is not None
    plain = one_line(pathlib.PurePosixPath(name.replace("\\", "/")).name)[:120]
    if pathlib.PurePath(plain.lower()).suffix not in SUFFIXES:
        raise Fault(422, "file", f"{plain or 'A file without a name'} is of no kind that can be read.",
                    "HTML, Markdown, text, PDF, DOCX and PPTX files can.")  # fmt: skip
    if len(body) > web.upload_mib * 2**20:
        raise Fault(413, "too_large", f"{plain} has {len(body) // 2**20} MiB.", f"At most {web.upload_mib} MiB are taken; split it.")
    if not body:
        raise Fault(422, "file", f"{plain} is empty.", "Choose a file with text in it.")
    return Order(kind="file", name=plain, body=body), plain


def put(home: House, person: Person, product: Product, order: Order, title: str, address: str) -> Job:
    """The order as a job in the queue. Raises a 429 Fault when the queue is full or the person asks too often."""
    home.limits.take("audit", address if person.way == "open" else person.name)
    web = home.config.web
    try:
        job = home.jobs.add(order, product=product.name, owner=person.name, title=title, most=web.queue, most_own=web.queue_own)
    except QueueFull as full:
        said = (
            f"You have {full.waiting} audits waiting; that is as many as one person may have."
            if full.own
            else f"{full.waiting} audits are waiting; that is as many as the queue holds."
        )
        raise Fault(429, "queue_full", said, "Try again when one has finished.", retry_after=30) from full
    home.foreman.wake()
    return job
