"""Models are what their manifests say, or the command ends."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

from pipeline.artefacts import MODELS, open_model
from pipeline.embed import CachedEncoder, OnnxEncoder
from pipeline.errors import ModelError
from pipeline.logistic import dump_logistic, load_logistic


def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "a.bin").write_bytes(b"weights")
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {"a.bin": "f56e8d35cf1e43e0ebd7a8bc2ed3f2bd2ca20bc40ea7f16ad2f3b3ac1b5ef7cc"}}))
    return tmp_path


def test_checksums_are_checked(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ModelError, match="the manifest says"):
        open_model("x", folder(tmp_path))
    (tmp_path / "a.bin").unlink()
    with pytest.raises(ModelError, match=r"lacks a\.bin"):
        open_model("x", tmp_path)
    with pytest.raises(ModelError, match="no readable manifest"):
        open_model("nowhere")


@pytest.mark.parametrize("name", sorted(p.parent.name for p in MODELS.glob("*/manifest.json")))
def test_shipped_models_are_whole_and_have_cards(name: str) -> None:
    assert open_model(name).version.startswith(name)
    assert len((MODELS / name / "card.md").read_text(encoding="utf-8")) > 200


def test_retriever_gives_unit_rows_that_do_not_depend_on_company() -> None:
    encoder = OnnxEncoder("retriever")
    texts = ["Export reports as CSV", "Single sign-on on Business", "A bird sings"]
    together = encoder.encode(texts)
    assert together.shape == (3, encoder.dimensions)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert (together[1] == encoder.encode([texts[1]])[0]).all()
    assert encoder.encode([]).shape == (0, encoder.dimensions)
    near, far = together[0] @ encoder.encode(["Reports can be downloaded as CSV files"])[0], together[2] @ together[0]
    assert near > far + 0.2


def test_cache_gives_the_same_vectors(tmp_path: pathlib.Path, encoder) -> None:
    calls = []

    class Counting:
        version = encoder.version

        def encode(self, texts):
            calls.append(list(texts))
            return encoder.encode(texts)

    cached = CachedEncoder(Counting(), tmp_path / "v.sqlite")
    first = cached.encode(["a cat", "a dog", "a cat"])
    again = CachedEncoder(Counting(), tmp_path / "v.sqlite").encode(["a dog", "a cat"])
    assert (first[[1, 0]] == again).all()
    assert calls == [["a cat", "a dog"], []]


def test_logistic_round_trip_matches_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    x = rng.standard_normal((80, 4))
    for y in ((x[:, 0] > 0).astype(int), np.digitize(x[:, 1], [-0.5, 0.5])):
        mean, scale = x.mean(0), x.std(0)
        model = LogisticRegression().fit((x - mean) / scale, y)
        ours = load_logistic(json.loads(json.dumps(dump_logistic(list("abcd"), [str(c) for c in model.classes_], mean, scale, model.coef_, model.intercept_))))
        assert np.allclose(ours.probabilities(x), model.predict_proba((x - mean) / scale), atol=1e-4)
