"""Marks that tell whether two runs can be compared: models, configuration, documentation, and the text of one page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pipeline import __version__
from pipeline.artefacts import MODELS
from pipeline.config import Config
from pipeline.records import Page
from pipeline.rules import FOLDER as RULES

# Sections of the configuration that change verdicts or scores; the others say where things lie and who is told.
JUDGING = ("plans", "match", "score", "undersold")


def digest(content: Any) -> str:
    """Sixteen hex digits of SHA-256 over bytes, text, or anything that JSON can say."""
    data = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True, ensure_ascii=True).encode()
    return hashlib.sha256(data).hexdigest()[:16]


def instrument_of(config: Config) -> str:
    """Program, models and rules. Models are named by the checksums of their manifests, so nothing is opened for it."""
    models = {}
    for role, name in config.models.model_dump().items():
        manifest = MODELS / name / "manifest.json"
        models[role] = digest(manifest.read_bytes()) if manifest.is_file() else name
    rules = {file.name: digest(file.read_bytes()) for file in sorted(RULES.glob("*.yaml"))}
    return digest({"saysdoes": __version__, "models": models, "rules": rules})


def config_hash(config: Config) -> str:
    """The part of the configuration that verdicts and scores depend on."""
    kept = config.model_dump(mode="json", include=set(JUDGING))
    return digest(kept)


def docs_hash(documents: Mapping[str, str]) -> str:
    """All documents: {source: hash of its text}."""
    return digest(dict(sorted(documents.items())))


def text_hash(page: Page) -> str:
    """What a visitor reads on a page, and where: a new time stamp in a script changes nothing here."""
    rows = [
        [b.kind.value, b.region.value, b.level, b.text, list(b.cells), list(b.columns), list(b.heading_path)]
        for b in page.blocks
    ]
    return digest([page.title, rows])
