"""Runs over time: the list with its trend, one run, two runs compared, one page's history, claims searched."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from pipeline.records import Verdict
from pipeline.report import audit_from
from pipeline.report.wording import SIGNS, VERDICTS, percent, points
from pipeline.store.runs import NIGHTLY, ON_DEMAND, IndexedClaim, Run
from pipeline.web.books import standing
from pipeline.web.cards import result
from pipeline.web.compare import compare
from pipeline.web.faults import Fault, not_found
from pipeline.web.guard import House, Person, house, product_of, signed_in
from pipeline.web.shown import fragment, page

ROUTES = APIRouter()
SignedIn = Annotated[Person, Depends(signed_in)]
PAGE = 30
MOST_POINTS = 60
MOST_OFFSET = 10**6


def run_of(home: House, person: Person, number: int) -> Run:
    """A run. Raises a 404 Fault when there is none, or it is of a product that the person may not see."""
    try:
        run = home.runs.run(number)
    except KeyError:
        raise not_found("run") from None
    if not person.sees(run.product):
        raise not_found("run")
    return run


def line(values: list[float | None], *, most: float) -> list[str]:
    """Points of polylines in a box of 240 by 48, oldest first; what was not measured breaks the line."""
    step = 232 / max(1, len(values) - 1)
    out: list[list[str]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            out.append([])
        else:
            out[-1].append(f"{4 + number * step:.1f},{44 - 40 * min(1.0, value / most):.1f}")
    # One point alone makes no line; told twice it makes a dot with round ends.
    return [" ".join(points * 2 if len(points) == 1 else points) for points in out if points]


def trends(runs: list[Run]) -> list[dict[str, Any]]:
    """Three small charts of finished runs, given newest first."""
    old_first = list(reversed(runs))
    out = []
    for key, label, most, better in (
        ("proof_rate", "Proven", 1.0, "higher is better"),
        ("overpromise_risk", "Overpromise risk", 100.0, "lower is better"),
        ("generic_share", "Generic copy", 100.0, "lower is better"),
    ):
        values = [r.summary.get("scores", {}).get(key) for r in old_first]
        known = [v for v in values if v is not None]
        if len(known) > 1:
            said = [percent(v) if most == 1.0 else points(v) + ("%" if key == "generic_share" else "") for v in (known[0], known[-1])]
            out.append({"label": label, "better": better, "first": said[0], "last": said[1], "lines": line(values, most=most)})
    return out


@ROUTES.get("/history")
def listed(request: Request, person: SignedIn, product: str = "", start: int = 0) -> Response:
    """Nightly runs of a product, newest first."""
    home = house(request)
    chosen = chosen_product(person, product)
    start = max(0, min(start, MOST_OFFSET))
    runs = list(home.runs.runs(chosen, kind=NIGHTLY, limit=PAGE + 1, offset=start)) if chosen else []
    recent = list(home.runs.runs(chosen, kind=NIGHTLY, limit=MOST_POINTS)) if chosen else []
    return page(
        request, "history.html", title="History", here="history", chosen=chosen, runs=runs[:PAGE], start=start, size=PAGE,
        more=len(runs) > PAGE, trends=trends(recent),
    )  # fmt: skip


def chosen_product(person: Person, product: str) -> str:
    """The named product's name, the first one when none is named, "" when the person may see none."""
    if product:
        return product_of(person, product).name
    return person.products[0].name if person.products else ""


@ROUTES.get("/runs/{number}")
def show(request: Request, person: SignedIn, number: int) -> Response:
    """One run: its numbers and findings, page by page."""
    home = house(request)
    run = run_of(home, person, number)
    others = [r for r in home.runs.runs(run.product, kind=run.kind, limit=PAGE) if r.id < run.id]
    decided = standing(home, run.product)
    key = (run.id, run.status, tuple(decided.items()))
    body = home.rendered.get(key)
    if body is None:
        body = fragment("result.html", **result(audit_from(home.runs.audit_of(run.id))), act="", decided=decided)
        home.rendered[key] = body
    sources = sorted(home.runs.pages_of(run.id))
    return page(
        request, "run.html", title=f"{run.product}, run {run.id}", here="history", run=run, body=body, others=others,
        sources=sources if run.kind == NIGHTLY else [],
    )  # fmt: skip


@ROUTES.get("/compare")
def compared(request: Request, person: SignedIn, before: int, after: int) -> Response:
    """Two runs of one product, nightly or on demand."""
    home = house(request)
    first, second = run_of(home, person, before), run_of(home, person, after)
    if first.product != second.product:
        raise Fault(422, "products", "These two are of different products.", "Choose two runs of one product.")
    found = compare(home.runs.audit_of(first.id), home.runs.audit_of(second.id))
    return page(request, "compare.html", title="Compared", here="history", first=first, second=second, found=found)


@ROUTES.get("/history/page")
def page_history(request: Request, person: SignedIn, product: str = "", source: str = "") -> Response:
    """Every audit that a page has had in nightly runs."""
    home = house(request)
    chosen = chosen_product(person, product)
    versions = home.runs.page_history(chosen, source[:4000]) if chosen else ()
    if not versions:
        raise not_found("page in the history")
    points = [v.scores for v in versions]
    values = [("Proven", 1.0, [s.get("proof_rate") for s in points]), ("Overpromise risk", 100.0, [s.get("overpromise_risk") for s in points])]
    charts = [{"label": n, "lines": line(v, most=m)} for n, m, v in values if sum(x is not None for x in v) > 1]
    return page(
        request, "page_history.html", title="One page over time", here="history", chosen=chosen, source=source,
        versions=tuple(reversed(versions)), charts=charts,
    )  # fmt: skip


def searched(
    home: House, product: str, *, text: str, verdict: str, run_id: int | None, limit: int, offset: int
) -> tuple[list[IndexedClaim], int]:
    """Claims that hold all words, riskiest first, and how many; of the last nightly run when no run is named."""
    words = " ".join(text.split()[:12])[:300].replace("\0", "")
    found = home.runs.search_claims(product, text=words, verdict=verdict, run_id=run_id, limit=limit, offset=offset)
    return list(found), home.runs.count_claims(product, text=words, verdict=verdict, run_id=run_id)


@ROUTES.get("/claims")
def claims(
    request: Request, person: SignedIn, product: str = "", q: str = "", verdict: str = "", start: int = 0
) -> Response:
    """Search over the claims of the last nightly run, or of the last audit on demand where there is none."""
    home = house(request)
    chosen = chosen_product(person, product)
    start = max(0, min(start, MOST_OFFSET))
    verdict = verdict if verdict in {v.value for v in Verdict} else ""
    night = home.runs.latest(chosen) if chosen else None
    last = night or (home.runs.latest(chosen, ON_DEMAND) if chosen else None)
    rows: list[IndexedClaim] = []
    total = 0
    if last is not None:
        rows, total = searched(
            home, chosen, text=q, verdict=verdict, run_id=None if night else last.id, limit=PAGE, offset=start
        )
    return page(
        request, "claims.html", title="Claims", here="claims", chosen=chosen, q=q, verdict=verdict, rows=rows, total=total, start=start,
        size=PAGE, last=last, nightly=night is not None, verdicts=[(v.value, words[0]) for v, words in VERDICTS.items()],
        signs={v.value: s for v, s in SIGNS.items()},
    )  # fmt: skip


