"""The cross-encoder: a claim and one passage together -> what the passage does to the claim.

Our own model (models/verifier, int8 ONNX) answers with five probabilities: supports, limits, plans, contradicts, none. Pairs run one at a
time, so that a result never depends on its batch.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from pipeline.artefacts import open_model
from pipeline.embed import session
from pipeline.records import Claim, Passage
from pipeline.verify.signals import RELATIONS, Reading

MAX_TOKENS = 224


def premise(passage: Passage) -> str:
    """What the reader reads of a passage: where it stands, then what it says."""
    return f"{passage.context} | {passage.text}" if passage.context else passage.text


class Reader:
    """The trained cross-encoder. `version` changes with its weights."""

    def __init__(self, name: str = "verifier", folder: pathlib.Path | None = None, threads: int = 0) -> None:
        """Opens models/<name>, or `folder`; `threads` 0 takes every core. Raises ModelError when a file is absent or altered."""
        artefact = open_model(name, folder)
        self.version = artefact.version
        self._temperature = float(artefact.manifest.get("temperature", 1.0))
        self._tokenizer = Tokenizer.from_file(str(artefact.path("tokenizer.json")))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
        self._session = session(artefact.path("model.onnx"), threads)
        self._inputs = frozenset(i.name for i in self._session.get_inputs())
        self._known: dict[bytes, Reading] = {}

    def read(self, claim: Claim, passages: Sequence[Passage]) -> Reading:
        """(n, 5) probabilities in the order of RELATIONS, a row for each passage."""
        out = np.zeros((len(passages), len(RELATIONS)))
        for row, passage in enumerate(passages):
            text = premise(passage)
            key = hashlib.sha256(f"{claim.text}\0{text}".encode()).digest()
            if key not in self._known:
                self._known[key] = self._one(claim.text, text)
            out[row] = self._known[key]
        return out

    def _one(self, claim: str, text: str) -> Reading:
        item = self._tokenizer.encode(" ".join(claim.split()[:80]), text)
        ids = np.array([item.ids], dtype=np.int64)
        feed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.array([item.type_ids], dtype=np.int64),
        }
        feed = {name: value for name, value in feed.items() if name in self._inputs}
        logits = np.asarray(self._session.run(None, feed)[0][0], dtype=np.float64) / self._temperature
        exp = np.exp(logits - logits.max())
        return np.asarray(np.round(exp / exp.sum(), 6))
