"""The writing desk's page, with and without script."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from pipeline.web.desk import MOST_CHARACTERS
from pipeline.web.faults import Fault, not_found
from pipeline.web.foreman import Unavailable
from pipeline.web.guard import House, Person, check_change, house, product_of, signed_in
from pipeline.web.shown import page

ROUTES = APIRouter()
SignedIn = Annotated[Person, Depends(signed_in)]
# A new Auditor reads the documentation first; after that an answer takes parts of a second.
WAIT_S = 60.0


async def judged(home: House, product: str, text: str) -> list[dict[str, Any]]:
    """One row a sentence. Raises a 503 Fault while the checker starts, 422 for a text that is too long."""
    if len(text) > MOST_CHARACTERS:
        raise Fault(
            422, "too_long", f"The text has {len(text):,} characters.",
            f"The desk takes {MOST_CHARACTERS:,}; check longer copy as an audit.",
        )  # fmt: skip
    try:
        return await asyncio.wait_for(asyncio.wrap_future(home.foreman.judge(product, text)), WAIT_S)
    except Unavailable as err:
        raise Fault(503, "starting", str(err), "Try again in a few seconds.", retry_after=5) from err
    except TimeoutError as err:
        raise Fault(503, "busy", "The checker is busy.", "Try again in a few seconds.", retry_after=5) from err


@ROUTES.get("/desk")
def show(request: Request, person: SignedIn, product: str = "") -> Response:
    """The empty desk."""
    if product and not person.sees(product):
        raise not_found("product")
    chosen = product or (person.products[0].name if person.products else "")
    return page(request, "desk.html", title="Writing desk", here="desk", chosen=chosen, text="", rows=None)


@ROUTES.post("/desk")
async def check(
    request: Request,
    person: SignedIn,
    product: Annotated[str, Form(max_length=80)] = "",
    text: Annotated[str, Form()] = "",
    token: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The desk with verdicts, for browsers without script: judged until nothing is pending."""
    check_change(request, token)
    home = house(request)
    home.limits.take("desk", home.address(request) if person.way == "open" else person.name)
    chosen = product_of(person, product).name
    text = text.replace("\r\n", "\n")
    rows = await judged(home, chosen, text)
    for _ in range(20):
        if not any(r["pending"] for r in rows):
            break
        rows = await judged(home, chosen, text)
    return page(request, "desk.html", title="Writing desk", here="desk", chosen=chosen, text=text, rows=rows)
