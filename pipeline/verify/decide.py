"""Signals -> calibrated verdict probabilities -> verdict.

Both models are multinomial logistic regressions that scikit-learn fitted (models/decision/train.py) and that are kept as plain
arrays, so nothing is unpickled: one reads the claim's wording alone (sentence vector and types; it knows puffery and
claims about the company), the other joins it with the signals of the documentation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.artefacts import open_model
from pipeline.logistic import load_logistic
from pipeline.records import OVERPROMISES, Claim, ClaimType, Verdict

ORDER = tuple(v.value for v in Verdict)


def wording(claim: Claim, vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the wording model reads: the sentence vector, the claim types and the length."""
    types = [float(kind in claim.types) for kind in ClaimType]
    return np.array([*vector.tolist(), *types, min(40, len(claim.text.split())) / 40], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A verdict with its probability among all seven, and the chance that the claim promises too much."""

    verdict: Verdict
    confidence: float
    overpromise: float
    chances: Mapping[str, float]


class Decision:
    """The two fitted models and the verdict weights, from models/decision."""

    def __init__(self, name: str = "decision") -> None:
        artefact = open_model(name)
        self.version = artefact.version
        data = json.loads(artefact.path("decision.json").read_text(encoding="utf-8"))
        self._text = load_logistic(data["text"])
        self._joint = load_logistic(data["joint"])
        self._weights = np.array([data["weights"][c] for c in self._joint.classes])

    def text_odds(self, claim: Claim, vector: NDArray[np.float32]) -> dict[str, float]:
        """Verdict probabilities from the wording alone."""
        row = self._text.probabilities(wording(claim, vector)[None, :])[0]
        return dict(zip(self._text.classes, (float(x) for x in row), strict=True))

    def decide(self, signals: Mapping[str, float]) -> Decided:
        """The verdict for one claim's signals. Weights favour rare verdicts as cross-validation found best for all seven."""
        row = np.array([[signals[c] for c in self._joint.columns]])
        chances = self._joint.probabilities(row)[0]
        named = dict(zip(self._joint.classes, (round(float(x), 6) for x in chances), strict=True))
        over = sum(named.get(v.value, 0.0) for v in OVERPROMISES)
        weighted = chances * self._weights
        best = self._joint.classes[int(np.argmax(np.round(weighted, 9)))]
        return Decided(
            verdict=Verdict(best),
            confidence=round(named[best], 4),
            overpromise=round(over / max(1e-9, over + named.get(Verdict.SUPPORTED.value, 0.0)), 5),
            chances=named,
        )
