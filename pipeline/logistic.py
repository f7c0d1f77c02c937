"""A fitted logistic regression as plain arrays: scikit-learn fits it in models/, nothing is unpickled here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A fitted logistic regression on standardised columns; `coef` is (classes, columns)."""

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, classes) probabilities of (n, columns) rows."""
        logits = ((rows - self.mean) / self.scale) @ self.coef.T + self.intercept
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(exp / exp.sum(axis=1, keepdims=True))


def load_logistic(data: Mapping[str, Any]) -> Logistic:
    """A Logistic from the JSON of a manifest file."""
    arrays = {k: np.array(data[k], dtype=np.float64) for k in ("mean", "scale", "coef", "intercept")}
    return Logistic(
        columns=tuple(str(c) for c in data["columns"]), classes=tuple(str(c) for c in data["classes"]), **arrays
    )


def dump_logistic(
    columns: list[str],
    classes: list[str],
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    coef: NDArray[np.float64],
    intercept: NDArray[np.float64],
) -> dict[str, Any]:
    """The JSON of a fit; figures keep six significant digits. A fit of two classes comes with one row of weights."""
    if len(classes) == 2 and coef.shape[0] == 1:
        coef, intercept = np.vstack([-coef / 2, coef / 2]), np.array([-intercept[0] / 2, intercept[0] / 2])

    def short(values: NDArray[np.float64]) -> list[Any]:
        listed: list[Any] = np.vectorize(lambda x: float(f"{x:.6g}"))(values).tolist()
        return listed

    return {
        "columns": columns,
        "classes": classes,
        "mean": short(mean),
        "scale": short(scale),
        "coef": short(coef),
        "intercept": short(intercept),
    }
