"""saysdoes in Python, for notebooks and scripts: six names, and the records of pipeline.records as results.

    from pipeline import audit_pages, judge_claims, load, open_docs, rows, save

    docs = open_docs("docs/", "CHANGELOG.md")               # read and indexed once
    audit = audit_pages(docs, "site/pricing.html")          # an Audit; a notebook shows it as a table
    rows(audit)[0]["verdict"]                               # plain dicts: pandas.DataFrame(rows(audit)) works
    judge_claims(docs, ["Exports run every night."])        # a Judgement for each claim
    save(audit, "scorecard.html")                           # .html .pdf .json .csv .xlsx .md .sarif
    load("last-week.json")                                  # an Audit again

The same documents, models and configuration give the same findings.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import report
from pipeline.audit import Auditor, silent
from pipeline.claims import types_of
from pipeline.config import Config, load_config
from pipeline.errors import UsageError
from pipeline.reach import fetch_pages, fetch_site
from pipeline.records import Audit, Claim, Judgement, Problem
from pipeline.report.table import audit_html, judgement_html, rows
from pipeline.sources import Read, read_places

__all__ = ["audit_pages", "judge_claims", "load", "open_docs", "rows", "save"]

Place = str | os.PathLike[str]
_WRITERS: dict[str, Callable[[Audit, Place], None]] = {
    ".html": report.write_html,
    ".pdf": report.write_pdf,
    ".json": report.write_json,
    ".csv": report.write_csv,
    ".xlsx": report.write_xlsx,
    ".md": report.write_markdown,
    ".sarif": report.write_sarif,
}


def _no_stdin() -> bytes:
    raise UsageError("A notebook has no pasted copy on standard input: give a file, a folder or a URL.")


def _read(places: Sequence[Place], config: Config, *, documents: bool) -> Read:
    fetch = fetch_site(config, documents=True, progress=silent) if documents else fetch_pages(config, progress=silent)
    what = "Documentation" if documents else "Page"
    return read_places([os.fspath(p) for p in places], verbatim=documents, what=what, fetch=fetch, stdin=_no_stdin)


@dataclass(frozen=True, slots=True)
class Docs:
    """Indexed documentation with opened models; `problems` are the places that could not be read."""

    auditor: Auditor
    problems: tuple[Problem, ...]

    @property
    def documents(self) -> int:
        """How many documents were read."""
        return self.auditor.documents


def open_docs(*places: Place, config: Config | Place | None = None) -> Docs:
    """Documentation read and indexed, with the models opened: what the other calls check against.

    `places` are folders, files or URLs; `config` is a Config, the path of a YAML file, or nothing for the defaults. Raises UsageError when
    nothing can be read, ConfigError for a wrong setting, ModelError for a missing model.

    >>> docs = open_docs("docs")
    >>> docs.documents, docs.problems
    (2, ())
    """
    settings = config if isinstance(config, Config) else load_config(None if config is None else pathlib.Path(config))
    read = _read(places or settings.docs, settings, documents=True)
    if not read.pages:
        raise UsageError(f"No documentation could be read: {'; '.join(p.message for p in read.problems) or 'name a place.'}")
    return Docs(Auditor(settings, read.pages), read.problems)


def audit_pages(docs: Docs, *places: Place) -> Audit:
    """The audit of pages: URLs, files or folders with HTML, Markdown, MDX, text, PDF, DOCX or PPTX.

    What could not be read stands in `Audit.problems`. Raises UsageError for a path that does not exist.

    >>> audit = audit_pages(docs, "site/pricing.html")
    >>> audit.pages[0].page.source, audit.score.claims
    ('pricing.html', 2)
    """
    read = _read(places, docs.auditor.config, documents=False)
    return docs.auditor.audit(read.pages, [*docs.problems, *read.problems])


def judge_claims(docs: Docs, claims: Iterable[str]) -> list[Judgement]:
    """A Judgement for each claim, in order; a claim is one sentence that can be understood alone.

    >>> found = judge_claims(docs, ["Reports can be exported as CSV.", "Single sign-on is included in every plan."])
    >>> rows(found)[0]["id"], found[1].evidence[0].doc
    ('1', 'sso.md')
    """
    if isinstance(claims, str):
        raise UsageError("judge_claims takes a list of claims: write [claim] for a single one.")
    wanted = [Claim(id=str(n), text=t, quote=t, types=types_of(t), end=len(t)) for n, t in enumerate(claims, 1)]
    return list(docs.auditor.judge_claims(wanted))


def save(audit: Audit, path: Place) -> None:
    """Writes the audit in the form that the name ends with: .html, .pdf, .json, .csv, .xlsx, .md or .sarif.

    >>> audit = audit_pages(docs, "site/pricing.html")
    >>> save(audit, "audit.json")
    >>> save(load("audit.json"), "audit.csv")
    """
    ending = pathlib.PurePath(path).suffix.lower()
    if ending not in _WRITERS:
        raise UsageError(f"{os.fspath(path)} ends with {ending or 'nothing'}: use one of {', '.join(_WRITERS)}.")
    _WRITERS[ending](audit, path)


def load(path: Place) -> Audit:
    """An audit that `save` or `audit --json` wrote, as records again. Raises UsageError when the file is none.

    >>> save(audit_pages(docs, "site/pricing.html"), "last-week.json")
    >>> len(load("last-week.json").pages)
    1

    Text of the pages beyond their sentences is not kept in JSON, so the annotated view of a loaded audit shows only those.
    """
    try:
        data: Any = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        return report.audit_from(data)
    except OSError as err:
        raise UsageError(f"{os.fspath(path)} cannot be read ({err.strerror}): give the path of an audit as JSON.") from err
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as err:
        raise UsageError(f"{os.fspath(path)} is no audit ({err.__class__.__name__}: {err}): write one with `audit --json`.") from err


def _show_in_notebooks() -> None:
    """Has IPython, where it runs, show audits and judgements as tables; the records themselves know nothing of it."""
    try:
        from IPython import get_ipython  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return
    shell = get_ipython()
    with contextlib.suppress(AttributeError, KeyError):
        formatter = shell.display_formatter.formatters["text/html"]
        formatter.for_type(Audit, audit_html)
        formatter.for_type(Judgement, judgement_html)


_show_in_notebooks()
