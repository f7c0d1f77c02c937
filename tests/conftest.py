"""Tiny real things that many tests need."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.match import terms

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


class WordEncoder:
    """A 64-dimensional encoder without a model: each word has a fixed random direction."""

    version = "words-64"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        out = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in terms(text):
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
                out[row] += np.random.default_rng(seed).standard_normal(64).astype(np.float32)
            norm = float(np.linalg.norm(out[row]))
            out[row] /= norm or 1.0
        return out


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def shared() -> pathlib.Path:
    """The folder with third-party material; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared (third-party test data), which is not part of this repository")
    return SHARED
