"""A trained torch encoder -> models/<name>: int8 ONNX, tokenizer, manifest with SHA-256.

Used by the training scripts. Weights are quantised per channel to int8, activations while running; the difference
from the float model is measured by the caller and written into the card.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import shutil
import tempfile

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic


def export(
    model: torch.nn.Module,
    output: str,
    tokenizer_json: pathlib.Path,
    folder: pathlib.Path,
    facts: dict[str, object],
    inputs: int = 3,
) -> None:
    """Writes model.onnx (int8), tokenizer.json and manifest.json into `folder`.

    `model` takes the first `inputs` of input_ids, attention_mask, token_type_ids (each (batch, tokens) int64) and returns one
    tensor whose name in the graph is `output`; `facts` go into the manifest as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = model.float().eval()
    ids = torch.full((2, 16), 7, dtype=torch.long)
    names = ["input_ids", "attention_mask", "token_type_ids"][:inputs]
    axes = {0: "batch", 1: "tokens"}
    with tempfile.TemporaryDirectory() as work:
        raw = pathlib.Path(work) / "float.onnx"
        torch.onnx.export(
            model,
            (ids, torch.ones_like(ids), torch.zeros_like(ids))[:inputs],
            str(raw),
            input_names=names,
            output_names=[output],
            dynamic_axes={**dict.fromkeys(names, axes), output: {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(str(raw), str(folder / "model.onnx"), weight_type=QuantType.QInt8, per_channel=True)
    shutil.copyfile(tokenizer_json, folder / "tokenizer.json")
    write_manifest(folder, facts)


def write_manifest(folder: pathlib.Path, facts: dict[str, object]) -> None:
    """manifest.json with the SHA-256 of every other file of `folder`."""
    files = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.iterdir())
        if p.is_file() and p.name not in {"manifest.json", "card.md"} and p.suffix != ".py"
    }
    (folder / "manifest.json").write_text(
        json.dumps({**facts, "files": files}, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
