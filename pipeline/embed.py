"""Texts -> unit vectors, cached by content hash.

`open_encoder("retriever")` opens our own int8 model in models/; any other name goes to sentence-transformers, so a
hub model or a local folder works by name. Texts run through the int8 model one at a time: its activations are quantised over
a whole batch, so the same text in another batch would come out a little different, and findings must not depend on company.
"""

from __future__ import annotations

import hashlib
import pathlib
import sqlite3
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline.artefacts import MODELS, open_model
from pipeline.errors import ModelError

Vectors = NDArray[np.float32]
MAX_TOKENS = 192


class Encoder(Protocol):
    """What every encoder offers."""

    version: str

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32 unit rows in the order of `texts`; an empty list gives (0, d)."""


def session(path: pathlib.Path, threads: int = 0) -> onnxruntime.InferenceSession:
    """An ONNX session on the CPU; `threads` 0 takes every core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class OnnxEncoder:
    """A model of ours: int8 ONNX with one output, the sentence vector."""

    def __init__(self, name: str, folder: pathlib.Path | None = None) -> None:
        artefact = open_model(name, folder)
        self.version = artefact.version
        self.dimensions = int(artefact.manifest["dimensions"])
        self._tokenizer = Tokenizer.from_file(str(artefact.path("tokenizer.json")))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._session = session(artefact.path("model.onnx"))

    def encode(self, texts: Sequence[str]) -> Vectors:
        out = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, item in enumerate(self._tokenizer.encode_batch(list(texts))):
            ids = np.array([item.ids], dtype=np.int64)
            feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
            vector = self._session.run(None, feed)[0][0]
            out[row] = vector / max(float(np.linalg.norm(vector)), 1e-9)
        return out


class HubEncoder:
    """Any sentence-transformers model by name or folder."""

    def __init__(self, name: str) -> None:
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(name, device="cpu")
        except (OSError, ValueError) as err:
            raise ModelError(
                f"Embedding model {name!r} cannot be loaded ({type(err).__name__}): with no internet, name a "
                f"local folder or use `retriever`, which lies in models/."
            ) from err
        self.version = f"sentence-transformers:{name}"
        self.dimensions = int(self._model.get_sentence_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        vectors = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


class CachedEncoder:
    """Vectors of known texts from a SQLite file, new ones from `inner`; the key is model version + SHA-256 of the text."""

    def __init__(self, inner: Encoder, file: pathlib.Path | None) -> None:
        self.version = inner.version
        self._inner = inner
        self._db: sqlite3.Connection | None = None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, timeout=30, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
            )

    def encode(self, texts: Sequence[str]) -> Vectors:
        keys = [hashlib.sha256(f"{self.version}\0{t}".encode()).digest() for t in texts]
        known: dict[bytes, Vectors] = {}
        if self._db is not None:
            for start in range(0, len(keys), 500):
                part = keys[start : start + 500]
                marks = ",".join("?" * len(part))
                for key, blob in self._db.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part):
                    known[key] = np.frombuffer(blob, dtype=np.float32)
        missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in known}
        fresh = self._inner.encode(list(missing.values()))
        for key, vector in zip(missing, fresh, strict=True):
            known[key] = vector
        if self._db is not None and missing:
            with self._db:
                self._db.executemany(
                    "INSERT OR IGNORE INTO vectors VALUES (?, ?)",
                    [(k, known[k].astype(np.float32).tobytes()) for k in missing],
                )
        return np.stack([known[k] for k in keys]) if keys else fresh


def open_encoder(name: str, cache: pathlib.Path | None = None) -> CachedEncoder:
    """The encoder that the configuration names: a folder of models/, else a sentence-transformers model."""
    inner: Encoder = OnnxEncoder(name) if (MODELS / name / "manifest.json").exists() else HubEncoder(name)
    return CachedEncoder(inner, cache)
