"""Audit -> the scorecard as PDF, drawn by WeasyPrint (optional). Nothing is fetched: every address is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.errors import UsageError
from pipeline.records import Audit, Changes, TrendPoint
from pipeline.report.html import html


def _refuse(url: str, *_: Any, **__: Any) -> dict[str, Any]:
    raise ValueError(f"a scorecard needs no outside file, refused: {url[:200]}")


def pdf_bytes(audit: Audit, trend: Sequence[TrendPoint] = (), changes: Changes | None = None) -> bytes:
    """The PDF. Raises UsageError when WeasyPrint or its system libraries are not installed."""
    try:
        import weasyprint
    except (ImportError, OSError) as err:
        raise UsageError(f"PDF needs WeasyPrint, which cannot be loaded ({err}): run `pip install 'saysdoes[pdf]'`, on Linux also "
                         "`apt-get install libpango-1.0-0 libpangoft2-1.0-0`, or print the HTML scorecard from a browser.") from err
    made = weasyprint.HTML(string=html(audit, trend, changes, paper=True), url_fetcher=_refuse).write_pdf()
    return bytes(made)
