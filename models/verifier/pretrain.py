"""Stage 1 of the verifier: a cross-encoder on public evidence-claim pairs.

    python models/verifier/pretrain.py --base DIR --nli DIR --work DIR [--minutes 30]

Reads the JSON Lines sets under --nli (one folder a set: `train.jsonl.gz` and so on, rows with premise, hypothesis, label), keeps those whose
licence lets weights be published (SETS below), short pairs first in line since they teach most a second, and trains three outputs (entailment,
neutral, contradiction). Rows that say only "not entailment" or "partial" train the entailment output alone. --base is a folder with all-mpnet-base-v2.
Writes a checkpoint every ten minutes into --work and resumes from it. It reads no product documentation: that is stage 2, `train.py`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import random
import time

import torch
from network import batches, collate, fresh, optimiser_of, tokenizer_of

# name -> (highest number of rows taken, splits). Caps keep templated sets from drowning written ones.
SETS: dict[str, tuple[int, tuple[str, ...]]] = {
    "fever_nli_3way": (7000, ("train", "test")),
    "mnli_dev": (9000, ("train", "test")),
    "wanli_subset": (9000, ("train", "test")),
    "conjnli": (3000, ("train",)),
    "cad_nli": (3000, ("train", "test")),
    "breaking_nli": (600, ("test",)),
    "summedits": (3000, ("train", "test")),
    "scitail": (1500, ("dev", "test")),
    "factcheckgpt_stance": (2800, ("train", "test")),
    "feverous_dev_text": (1500, ("train", "test")),
    "fm2": (1500, ("dev", "test")),
    "wice": (1500, ("train", "dev", "test")),
    "contractnli": (2000, ("dev", "test")),
    "scifact_rte": (400, ("train", "dev")),
    "curriculum_drop": (600, ("train",)),
    "curriculum_logic": (300, ("train",)),
    "med": (700, ("test",)),
    "nan_nli": (258, ("test",)),
}
HELD_OUT = ("fever_nli_3way", "mnli_dev", "wanli_subset", "summedits", "feverous_dev_text", "cad_nli")
LABELS = {"entailment": 0, "neutral": 1, "contradiction": 2, "not_entailment": 3, "partial": 3}
MAX_TOKENS = 160
Row = tuple[str, str, int]


def read(folder: pathlib.Path, name: str, split: str) -> list[Row]:
    """(premise, hypothesis, label) rows of one split; an absent split is an empty list."""
    path = folder / name / f"{split}.jsonl.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(r["premise"], r["hypothesis"], LABELS[r["label"]]) for r in rows if r["label"] in LABELS]


def mixture(folder: pathlib.Path, seed: int) -> tuple[list[Row], list[Row]]:
    """Training and held-out rows, each pair once, in a fixed order."""
    rng = random.Random(seed)
    held = [row for name in HELD_OUT for row in rng.sample(read(folder, name, "dev"), 120)]
    seen = {(p, h) for p, h, _ in held}
    train = []
    for name, (cap, splits) in SETS.items():
        rows = [row for split in splits for row in read(folder, name, split) if len(row[0].split()) + len(row[1].split()) <= 110]
        rng.shuffle(rows)
        for row in rows[:cap]:
            if row[:2] not in seen:
                seen.add(row[:2])
                train.append(row)
    rng.shuffle(train)
    return train, held


def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy; label 3 says only "not entailed", so its mass is shared by neutral and contradiction."""
    logp = torch.log_softmax(logits.float(), dim=-1)
    three_way = -logp.gather(1, labels.clamp(max=2).unsqueeze(1)).squeeze(1)
    not_entailed = -torch.logsumexp(logp[:, 1:], dim=-1)
    return torch.where(labels < 3, three_way, not_entailed).mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, type=pathlib.Path)
    parser.add_argument("--nli", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--lr", type=float, default=4e-5)
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    train, held = mixture(args.nli, args.seed)
    tokenizer = tokenizer_of(args.base, MAX_TOKENS)

    def encode(rows: list[Row]) -> list[tuple[list[int], int]]:
        return [(i.ids, r[2]) for i, r in zip(tokenizer.encode_batch([(h, p) for p, h, _ in rows]), rows, strict=True)]

    items, held_items = encode(train), encode(held)
    model = fresh(args.base, 3)
    optimiser, trained = optimiser_of(model, args.lr)
    plan = batches([len(i) for i, _ in items], 3072, rng)
    args.work.mkdir(parents=True, exist_ok=True)
    state_path = args.work / "pretrain.pt"
    step, spent = 0, 0.0
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]
    print(f"{len(items)} pairs, {sum(len(i) for i, _ in items)} tokens, {len(plan)} steps, from step {step}", flush=True)

    def check() -> float:
        model.eval()
        right = 0
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            for start in range(0, len(held_items), 32):
                ids, mask, labels = collate(held_items[start : start + 32])
                guess = model(input_ids=ids, attention_mask=mask).logits.argmax(-1)
                right += int(torch.where(labels < 3, guess == labels, guess > 0).sum())
        model.train()
        return right / len(held_items)

    def save(final: bool = False) -> None:
        torch.save({"model": model.state_dict(), "optimiser": {} if final else optimiser.state_dict(), "step": step, "spent": spent}, state_path)
        print(f"held-out accuracy {check():.3f} at step {step}", flush=True)

    began = last = time.monotonic() - spent
    average = None
    model.train()
    while step < len(plan):
        spent = time.monotonic() - began
        done = max(step / len(plan), spent / (args.minutes * 60))
        if done >= 1:
            break
        ids, mask, labels = collate([items[i] for i in plan[step]])
        for group in optimiser.param_groups:
            group["lr"] = args.lr * min(1.0, (step + 1) / 60) * max(0.05, 1 - done)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids, attention_mask=mask).logits
        loss = loss_of(logits, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        average = loss.item() if average is None else 0.97 * average + 0.03 * loss.item()
        if step % 25 == 0:
            print(f"step {step}/{len(plan)} loss {average:.3f} {spent / 60:.1f} min", flush=True)
        if time.monotonic() - last > 600:
            last = time.monotonic()
            save()
    save(final=True)


if __name__ == "__main__":
    main()
