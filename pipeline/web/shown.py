"""Templates, and what they need to know on every page. Text of audited pages is data: escaped, controls made visible."""

from __future__ import annotations

import datetime
import time
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline import __version__
from pipeline.records import Verdict
from pipeline.report.hostile import safe_link, shown
from pipeline.report.wording import VERDICTS, percent, plural, points, quoted
from pipeline.store.jobs import Job
from pipeline.web.guard import House, Person, house

STATES = {"queued": "Waiting", "running": "Running", "done": "Done", "failed": "Failed", "cancelled": "Cancelled"}
KINDS = {"url": "Page on the web", "text": "Pasted copy", "file": "File"}
STAGES = {
    "waiting": "Waiting for its turn",
    "starting": "Starting",
    "indexing documentation": "Reading the documentation",
    "reading the page": "Reading the copy",
    "auditing pages": "Reading the copy",
    "judging claims": "Checking claims",
}


def _finalize(value: Any) -> Any:
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def stage(words: str) -> str:
    """A stage of an audit as people say it."""
    return "Fetching the page" if words.startswith("fetching") else STAGES.get(words, words[:1].upper() + words[1:])


def when(moment: float | str | None) -> str:
    """`27 Nov 2026, 20:41 UTC` for seconds since 1970 or ISO text."""
    if moment is None or moment == "":
        return ""
    if isinstance(moment, str):
        try:
            made = datetime.datetime.fromisoformat(moment)
        except ValueError:
            return moment
    else:
        made = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return f"{made.day} {made:%b %Y, %H:%M} UTC"


def ago(moment: float) -> str:
    """`5 min ago`, a date when it is longer than a day ago."""
    passed = time.time() - moment
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{int(passed // 60)} min ago"
    if passed < 86400:
        return f"{int(passed // 3600)} h ago"
    return when(moment).split(",")[0]


def verdict_label(word: str) -> str:
    """A verdict's short label; the word itself when it is none."""
    try:
        return VERDICTS[Verdict(word)][0]
    except ValueError:
        return word


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("pipeline.web", "templates"),
        autoescape=True, undefined=StrictUndefined, finalize=_finalize, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    made.filters |= {
        "plural": plural, "quoted": quoted, "percent": percent, "points": points, "when": when, "ago": ago, "stage": stage, "link": safe_link,
        "verdict_label": verdict_label,
    }  # fmt: skip
    made.globals |= {"states": STATES, "kinds": KINDS, "version": __version__}
    return made


ENVIRONMENT = _environment()


def fragment(name: str, **values: Any) -> Markup:
    """A part of a page, ready to be put into one."""
    return Markup(ENVIRONMENT.get_template(name).render(**values))


def page(request: Request, template: str, /, *, title: str, here: str = "", status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page. `here` is the entry of the navigation that it belongs to."""
    home: House = house(request)
    person: Person | None = request.scope.get("saysdoes.person")
    session = home.session(request) or home.begin(request)
    html = ENVIRONMENT.get_template(template).render(
        title=title, here=here, person=person, token=home.sessions.token(session), open=person is not None and person.way == "open",
        product=values.pop("product", None), products=person.products if person else (), **values,
    )  # fmt: skip
    return HTMLResponse(html, status_code=status)


def position(home: House, job: Job) -> dict[str, Any]:
    """Where a job stands: what the progress display and its polling fallback show."""
    found = home.foreman.progress(job.id) if job.state == "running" else None
    words, done, total = found or (job.stage, job.done, job.total)
    before = home.jobs.before(job) if job.state == "queued" else 0
    said = f"{before} before yours" if before else stage(words)
    return {
        "id": job.id, "state": job.state, "stage": said if job.state in {"queued", "running"} else STATES[job.state],
        "done": done, "total": total, "ended": job.ended, "message": job.message,
    }  # fmt: skip
