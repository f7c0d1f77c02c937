"""What readers said of the labelled sentences of other products that are nearest in meaning: "99.9 % uptime" is checkable, and generic
because every vendor says it. The labelled sentences are those of corpora/bench and of corpora/generic/labelled.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEW, MANY = 10, 40
# exp(SHARP x cosine): at 8 a neighbour at 0.9 counts about five times one at 0.7.
SHARP = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """(n, d) unit `vectors` of labelled sentences with what readers said; `owner` is the product each is of."""

    vectors: NDArray[np.float32]
    generic: NDArray[np.float64]
    checkable: NDArray[np.float64]
    owner: Sequence[str] = ()


def likeness_columns() -> list[str]:
    """Names of the columns that `likeness_rows` makes, in order."""
    return [
        "like.few.generic", "like.few.checkable", "like.many.generic", "like.many.checkable", "like.nearest", "like.near",
    ]  # fmt: skip


def likeness_rows(vectors: NDArray[np.float32], labelled: Labelled, *, without: str = "") -> NDArray[np.float64]:
    """(n, columns): mean label of the nearest FEW and MANY sentences, weighted by nearness, and how near they are.

    `without` leaves out the sentences of one product: in training, its own.
    """
    if not len(vectors):
        return np.zeros((0, len(likeness_columns())))
    near = np.round((vectors @ labelled.vectors.T).astype(np.float64), 5)
    if without:
        near[:, np.array([o == without for o in labelled.owner])] = -1.0
    # Equally near ones are taken in the order in which they are stored.
    near -= 1e-9 * np.arange(near.shape[1])
    rows = []
    most = min(MANY, near.shape[1])
    best = np.argpartition(-near, most - 1, axis=1)[:, :most]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(near, best, axis=1), axis=1, kind="stable"), axis=1)
    scores = np.take_along_axis(near, best, axis=1)
    for size in (FEW, MANY):
        weight = np.exp(SHARP * scores[:, :size])
        total = weight.sum(axis=1)
        for label in (labelled.generic, labelled.checkable):
            rows.append((weight * label[best[:, :size]]).sum(axis=1) / total)
    return np.column_stack([*rows, scores[:, 0], scores[:, :8].mean(axis=1)])
