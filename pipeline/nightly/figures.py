"""A night as figures for Prometheus (text exposition format, for the node exporter's textfile collector) and as JSON lines."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from pipeline.errors import UsageError


class JsonLog:
    """One JSON object a line: time, event, facts. `place` is a file, `-` for the error stream, "" for nothing."""

    def __init__(self, place: str, product: str) -> None:
        self._place, self._product = place, product

    def __call__(self, event: str, **facts: Any) -> None:
        if not self._place:
            return
        moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # ASCII: no text of a page can begin a new line or colour a terminal.
        line = json.dumps({"at": moment, "event": event, "product": self._product, **facts}, default=str) + "\n"
        if self._place == "-":
            sys.stderr.write(line)
            return
        try:
            with pathlib.Path(self._place).expanduser().open("a", encoding="ascii") as out:
                out.write(line)
        except OSError as err:
            raise UsageError(f"nightly.log {self._place!r} cannot be written ({err.strerror}).") from err


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


HELP = {
    "last_run_timestamp_seconds": "When the last call ended.",
    "last_success_timestamp_seconds": "When the last whole run ended.",
    "run_seconds": "How long the last call took.",
    "exit_code": "0 nothing to report, 1 findings, 3 incomplete.",
    "pages": "Pages of the last whole run.",
    "pages_audited": "Pages that were audited anew.",
    "pages_kept": "Pages whose audit was taken over.",
    "problems": "Pages and documents that could not be read.",
    "claims": "Claims found.",
    "findings_open": "Findings that nobody has accepted or waived.",
    "findings_new": "Findings that are news.",
    "proof_rate": "Supported claims over claims that the docs can settle.",
    "overpromise_risk": "0 to 100.",
    "generic_share": "0 to 100.",
    "instrument_changed": "1 where models or configuration changed.",
}


def prometheus(product: str, values: Mapping[str, float | int | None]) -> str:
    """The text of the metrics file; what was not measured is left out."""
    lines = []
    for name, about in HELP.items():
        value = values.get(name)
        if value is not None:
            full = f"saysdoes_{name}"
            lines += [
                f"# HELP {full} {about}",
                f"# TYPE {full} gauge",
                f'{full}{{product="{_label(product)}"}} {value}',
            ]
    return "\n".join(lines) + "\n"


def write_metrics(place: str, product: str, values: Mapping[str, float | int | None]) -> None:
    """Writes the metrics file, whole or not at all. Raises UsageError where it cannot be written."""
    path = pathlib.Path(place).expanduser()
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(prometheus(product, values))
        pathlib.Path(name).chmod(0o644)
        pathlib.Path(name).replace(path)
    except OSError as err:
        raise UsageError(
            f"nightly.metrics {place!r} cannot be written ({err.strerror}): check folder and rights."
        ) from err
