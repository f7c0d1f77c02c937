"""Proofs from outside the docs: a study, a certificate, a customer count. They settle `external` claims, which product docs cannot.

A YAML file of items {id, text, covers, source?, expires?}: `text` is the proof's own words, `covers` one regular expression or several; a claim
is covered when one of them is found in it. A proof whose text changes reopens what it has settled.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.errors import UsageError
from pipeline.ledger.entries import day

KNOWN = {"id", "text", "quote", "covers", "source", "expires"}
# A pattern meets claims from the web; a long one can be made to run for hours.
MOST_PATTERN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One proof. `expires` is its last day or ""."""

    id: str
    text: str
    covers: tuple[re.Pattern[str], ...]
    source: str = ""
    expires: str = ""

    @property
    def evidence(self) -> str:
        """What stands in the ledger for it."""
        return f"{self.id}: {self.text}"


def read_proofs(files: Sequence[str]) -> tuple[Proof, ...]:
    """The proofs of all files in order. Raises UsageError naming file and item for what cannot be used."""
    out: list[Proof] = []
    for name in files:
        path = pathlib.Path(name).expanduser()
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
            raise UsageError(
                f"Substantiation file {name} cannot be read ({err.__class__.__name__}): give a YAML list."
            ) from err
        if not isinstance(data, list):
            raise UsageError(f"{name}: expected a list of items with id, text and covers.")
        for number, item in enumerate(data, 1):
            out.append(_proof(item, f"{name}, item {number}"))
    ids = [p.id for p in out]
    doubled = next((i for i in ids if ids.count(i) > 1), None)
    if doubled:
        raise UsageError(f"Proof id {doubled!r} stands more than once: ids must be unique.")
    return tuple(out)


def _proof(item: Any, where: str) -> Proof:
    if not isinstance(item, dict) or set(item) - KNOWN:
        raise UsageError(f"{where}: an item has the keys {', '.join(sorted(KNOWN))}, and no others.")
    text = str(item.get("text") or item.get("quote") or "").strip()
    covers = item.get("covers")
    patterns = [covers] if isinstance(covers, str) else list(covers or [])
    if not item.get("id") or not text or not patterns:
        raise UsageError(f"{where}: an item needs id, text (or quote) and covers.")
    compiled = []
    for pattern in patterns:
        try:
            if len(str(pattern)) > MOST_PATTERN:
                raise re.error(f"longer than {MOST_PATTERN} characters")
            compiled.append(re.compile(str(pattern), re.I))
        except re.error as err:
            raise UsageError(f"{where}: `covers` {str(pattern)[:80]!r} is no usable pattern ({err}).") from err
    return Proof(
        id=str(item["id"]),
        text=text,
        covers=tuple(compiled),
        source=str(item.get("source") or ""),
        expires=day(str(item.get("expires") or ""), where),
    )
