"""Stage 2 of the verifier: the cross-encoder learns this very job, claims against product documentation.

    python models/verifier/train.py prepare --work DIR [--gold DIR --sites DIR] [--more DIR]
    python models/verifier/train.py bench   --work DIR --base DIR            reader on corpora/bench
    python models/verifier/train.py real    --work DIR --base DIR            ... then on the products of --more
    python models/verifier/train.py keep    --work DIR                       models/foundation: where later trainings start (--start)
    python models/verifier/train.py fold    --work DIR --base DIR --fold N   ... then on the gold products outside fold N
      (--ranks 2 trains one model with two processes, which two cores do better than two threads)
    python models/verifier/train.py soup    --work DIR --base DIR --folds 2  mean of the fold readers' weights; exports models/verifier

`prepare` retrieves for every claim what the product would read (the same code as an audit) and labels each pair by the gold quotes:
a passage that holds a gold quote does to the claim what the verdict says; a passage of another document does nothing, nor does a narrowing sentence of
the document that bears a supported claim out. Other passages of a gold document that hold no gold quote are left out, since nobody said what they do. Weights start from stage 1 (`pretrain.py`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import pickle
import random
import re
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
import torch.multiprocessing
from safetensors.torch import load_file, save_file
from sklearn.feature_extraction.text import HashingVectorizer
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
sys.path.insert(0, str(HERE.parent))

from network import Crew, batches, collate, from_state, optimiser_of, pack, smooth, tokenizer_of, unpack  # noqa: E402
from onnx_export import export  # noqa: E402

from pipeline.capabilities import passages, plan_ladder, restrictions  # noqa: E402
from pipeline.claims import types_of  # noqa: E402
from pipeline.documents import READABLE, read_document  # noqa: E402
from pipeline.embed import open_encoder  # noqa: E402
from pipeline.match import READ, build_index, match, terms  # noqa: E402
from pipeline.records import Claim  # noqa: E402
from pipeline.verify.reader import premise  # noqa: E402
from pipeline.verify.signals import RELATIONS  # noqa: E402

BENCH = HERE.parent.parent / "corpora" / "bench"
MAX_TOKENS = 192
ALONE = Crew()
FROZEN = 3  # lowest layers that stay as stage 1 left them
RELATION_OF = {"supported": 0, "qualified": 1, "planned": 2, "contradicted": 3}


def fold_text(text: str) -> str:
    return re.sub(r"[^a-z0-9%$.+]+", " ", text.lower()).strip()


def holds(passage_parts: list[str], quote: str) -> bool:
    """A passage holds a quote when one of its parts, or all of them together, share 60 % of the shorter one's words."""
    want = set(fold_text(quote).split())
    for part in [*passage_parts, " ".join(passage_parts)]:
        have = set(fold_text(part).split())
        if (
            want
            and have
            and len(want & have) / min(len(want), max(len(have), 4)) >= 0.6
            and len(want & have) >= min(3, len(want))
        ):
            return True
    return False


def prepare_product(name: str, docs: pathlib.Path, base: pathlib.Path, claims: pathlib.Path, encoder) -> dict:
    """What the product would read for each labelled claim, with and without the gold documents."""
    files = sorted(p for p in docs.rglob("*") if p.is_file() and p.suffix.lower() in READABLE and p.suffix != ".txt")
    pages = [read_document(p.read_bytes(), str(p.relative_to(base)), verbatim=True) for p in files]
    ladder = plan_ladder(pages)
    found = passages(pages, ladder)
    index = build_index(found, encoder, restrictions(found))
    rows = [json.loads(line) for line in claims.read_text(encoding="utf-8").splitlines() if line.strip()]
    items = [Claim(id=r["id"], text=r["claim"], types=types_of(r["claim"])) for r in rows]
    matches = match(items, index, encoder, 16)
    out = []
    by_doc: dict[str, list] = {}
    for p in found:
        by_doc.setdefault(p.doc, []).append(p)
    for row, m in zip(rows, matches, strict=True):
        gold_docs = {e["doc"] for e in row["evidence"]}
        positives: list[str] = []
        holding = set()
        for e in row["evidence"]:
            hits = [p for p in by_doc.get(e["doc"], []) if holds(list(p.parts), e["quote"])]
            # The passage in reach first; else the shortest one that holds the quote.
            reach = [p for p in m.passages if p in hits] or sorted(hits, key=lambda p: len(p.text))[:1]
            narrow = [p for p in m.conditions if p.doc == e["doc"] and p not in reach and holds(list(p.parts), e["quote"])]
            holding |= {premise(p) for p in narrow}
            positives += [t for t in map(premise, [*reach[:2], *narrow[:1]]) if t not in positives]
        texts = dict.fromkeys(premise(p) for p in [*m.passages[: READ + 4], *m.conditions] if p.doc not in gold_docs)
        # What narrows something else in the very document that bears a claim out does nothing to the claim: nobody called it qualified.
        idle = [premise(p) for p in m.conditions if row["verdict"] == "supported" and p.doc in gold_docs]
        idle = [t for t in dict.fromkeys(idle) if t not in positives and t not in holding]
        out.append({"row": row, "positives": positives[:4], "negatives": list(texts), "idle": idle, "match": m})
    return {"name": name, "ladder": ladder, "items": out, "passages": found}


class Words:
    """Vectors of hashed words, in place of an encoder: enough to find strangers for the products of --more, in no time."""

    version = "words"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.zeros((0, 384), dtype=np.float32)
        return HashingVectorizer(n_features=384, analyzer=terms, norm="l2", dtype=np.float32).transform(texts).toarray()


def prepare(args: argparse.Namespace) -> None:
    encoder = open_encoder("retriever", args.work / "vectors.sqlite")
    jobs = [
        ("bench", d.name, d / "docs", d, d / "claims.jsonl")
        for d in sorted(BENCH.iterdir())
        if (d / "claims.jsonl").exists()
    ]
    if args.gold:
        jobs += [
            ("gold", d.name, args.sites / d.name / "docs", args.sites / d.name, d / "claims.jsonl")
            for d in sorted(args.gold.iterdir())
            if (d / "claims.jsonl").exists()
        ]
    if args.more:
        jobs += [("real", d.name, d / "docs", d, d / "claims.jsonl") for d in sorted(args.more.iterdir()) if (d / "claims.jsonl").exists()]
    for kind, name, docs, base, claims in jobs:
        target = args.work / f"{kind}-{name}.pkl"
        if target.exists():
            continue
        began = time.monotonic()
        data = prepare_product(name, docs, base, claims, Words() if kind == "real" else encoder)
        target.write_bytes(pickle.dumps(data))
        reached = sum(bool(i["positives"]) for i in data["items"] if i["row"]["evidence"])
        total = sum(bool(i["row"]["evidence"]) for i in data["items"])
        print(
            f"{kind} {name}: {len(data['items'])} claims, evidence located {reached}/{total}, {time.monotonic() - began:.0f} s",
            flush=True,
        )


def held_out(name: str) -> bool:
    """Whether a product of corpora/bench is kept for testing (its product.json says so)."""
    facts = BENCH / name / "product.json"
    return facts.exists() and json.loads(facts.read_text(encoding="utf-8")).get("split") == "test"


def load(work: pathlib.Path, kind: str) -> list[dict]:
    """Prepared products of a kind; those of corpora/bench that are kept for testing are left out."""
    names = [p for p in sorted(work.glob(f"{kind}-*.pkl")) if not held_out(p.stem.removeprefix(f"{kind}-"))]
    return [pickle.loads(p.read_bytes()) for p in names]


def pairs_of(products: list[dict], rng: random.Random, negatives: int) -> list[tuple[str, str, int]]:
    """(claim, premise, relation) for one epoch; negatives are drawn anew."""
    out = []
    for product in products:
        for item in product["items"]:
            row = item["row"]
            label = RELATION_OF.get(row["verdict"])
            if label is not None:
                out += [(row["claim"], p, label) for p in item["positives"][:3]]
            # The best-ranked strangers are the hardest; they are drawn twice as often as the rest.
            pool = item["negatives"][:4] * 2 + item["negatives"][4:]
            for text in dict.fromkeys(rng.sample(pool, min(negatives + 1, len(pool)))):
                out.append((row["claim"], text, 4))
            out += [(row["claim"], text, 4) for text in rng.sample(item["idle"], min(1, len(item["idle"])))]
    rng.shuffle(out)
    return out


def new_model(base: pathlib.Path, start: pathlib.Path):
    """Five outputs, from a checkpoint or the folder models/foundation; from stage 1 the outputs take over what entailment, neutral and contradiction knew."""
    if start.is_dir():
        state = unpack(load_file(start / "weights.safetensors"), base)
    else:
        state = torch.load(start, weights_only=True)
        state = state.get("model", state)
    weight, bias = state["classifier.out_proj.weight"], state["classifier.out_proj.bias"]
    if weight.shape[0] == 3:
        (entails, neutral, contra), (e, n, c) = weight, bias
        state["classifier.out_proj.weight"] = torch.stack(
            [entails, (neutral + contra + entails) / 3, (neutral + contra) / 2, contra, neutral]
        )
        state["classifier.out_proj.bias"] = torch.stack([e, (e + n + c) / 3, (n + c) / 2, c, n])
    return from_state(base, state, len(RELATIONS))


def fit(
    model,
    tokenizer: Tokenizer,
    products: list[dict],
    *,
    epochs: int,
    lr: float,
    seed: int,
    checkpoint: pathlib.Path,
    negatives: int = 2,
    minutes: float = 60.0,
    crew: Crew = ALONE,
) -> None:
    """Trains in place, towards a learning rate of zero by steps or by minutes, whichever ends first; writes `checkpoint` as it goes."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    optimiser, trained = optimiser_of(model, lr, FROZEN)
    plan = []
    for _ in range(epochs):
        rows = pairs_of(products, rng, negatives)
        encoded = tokenizer.encode_batch([(c, p) for c, p, _ in rows])
        items = [(i.ids, label) for i, (_, _, label) in zip(encoded, rows, strict=True)]
        plan += [[items[i] for i in part] for part in batches([len(i) for i, _ in items], 3072, rng)]
    first = crew.rank == 0
    if first:
        print(f"{sum(len(b) for b in plan)} pairs, {len(plan) // crew.ranks} steps of {crew.ranks} batches", flush=True)
    plan = plan[crew.rank : len(plan) // crew.ranks * crew.ranks : crew.ranks]
    model.train()
    average, began = None, time.monotonic()
    for step, batch in enumerate(plan):
        done = crew.agree(max(step / len(plan), (time.monotonic() - began) / (minutes * 60)))
        if done >= 1:
            break
        ids, mask, labels = collate(batch)
        for group in optimiser.param_groups:
            group["lr"] = lr * min(1.0, (step + 1) / 40) * max(0.03, 1 - done)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids, attention_mask=mask).logits
        loss = torch.nn.functional.cross_entropy(logits.float(), labels, label_smoothing=0.05)
        loss.backward()
        crew.mean(trained)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        average = loss.item() if average is None else 0.97 * average + 0.03 * loss.item()
        if step % 25 == 24 and first:
            print(f"step {step + 1}/{len(plan)} loss {average:.3f} {(time.monotonic() - began) / 60:.1f} min", flush=True)
        if step % 100 == 99 and first:
            torch.save(model.state_dict(), checkpoint)
    if first:
        torch.save(model.state_dict(), checkpoint)


class Logits(torch.nn.Module):
    """The model with one output tensor, for export."""

    def __init__(self, inner) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, ids, mask):
        return self.inner(input_ids=ids, attention_mask=mask).logits


def save(base: pathlib.Path, work: pathlib.Path, checkpoint: pathlib.Path, folder: pathlib.Path, facts: dict) -> None:
    """int8 ONNX, tokenizer and manifest; quantisation is calibrated on pairs of corpora/bench that were prepared into `work`."""
    model = from_state(base, torch.load(checkpoint, weights_only=True), len(RELATIONS))
    product = pickle.loads(sorted(work.glob("bench-*.pkl"))[0].read_bytes())
    tokenizer = tokenizer_of(base, MAX_TOKENS)
    items = [i for i in product["items"] if i["match"].passages][:64]
    smooth(model, [tokenizer.encode(i["row"]["claim"], premise(i["match"].passages[0])).ids for i in items])
    export(Logits(model), "logits", base / "tokenizer.json", folder, {"relations": list(RELATIONS), "base": "all-mpnet-base-v2", **facts}, inputs=2)


def soup(work: pathlib.Path, folds: int) -> pathlib.Path:
    """The mean of the fold readers' weights (Wortsman et al., "Model soups", ICML 2022): one reader that every gold product taught."""
    states = [torch.load(work / f"reader-fold{i}.pt", weights_only=True) for i in range(folds)]
    mean = {
        k: sum(s[k] for s in states) / folds if states[0][k].is_floating_point() else states[0][k] for k in states[0]
    }
    target = work / "reader-soup.pt"
    torch.save(mean, target)
    return target


def against_float(base: pathlib.Path, checkpoint: pathlib.Path, products: list[dict], count: int = 150) -> str:
    """How far the shipped int8 model stands from the float one on pairs of corpora/bench."""
    from pipeline.records import Passage
    from pipeline.verify.reader import Reader

    rng = random.Random(5)
    pairs = [
        (i["match"].claim, rng.choice(i["match"].passages)) for p in products for i in p["items"] if i["match"].passages
    ]
    pairs = rng.sample(pairs, count)
    reader = Reader("verifier")
    ours = np.array([reader.read(claim, [passage])[0] for claim, passage in pairs])
    model = from_state(base, torch.load(checkpoint, weights_only=True), len(RELATIONS))
    model.eval()
    tokenizer = tokenizer_of(base, 224)
    floats = []
    with torch.no_grad():
        for claim, passage in pairs:
            assert isinstance(passage, Passage)
            item = tokenizer.encode(claim.text, premise(passage))
            out = model(input_ids=torch.tensor([item.ids])).logits[0]
            floats.append(torch.softmax(out, -1).numpy())
    gap = np.abs(ours - np.array(floats))
    same = (ours.argmax(1) == np.array(floats).argmax(1)).mean()
    return (
        f"int8 against float on {count} pairs of corpora/bench: same relation {same:.3f}, mean difference of a probability "
        f"{gap.mean():.4f}, largest {gap.max():.3f}"
    )


def keep(work: pathlib.Path) -> None:
    """Writes models/foundation: what stages 1 and 2 made, so that stage 3 can begin where they ended."""
    folder = HERE.parent / "foundation"
    folder.mkdir(exist_ok=True)
    save_file(pack(torch.load(work / "reader-real.pt", weights_only=True)), folder / "weights.safetensors")
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    logs = {"public pairs": "pretrain2.log", "corpora/bench": "bench.log", "further real products": "real.log"}
    lines = {k: [x for x in (work / v).read_text(encoding="utf-8").splitlines() if x.startswith(("step", "held-out"))][-1] for k, v in logs.items()}
    (folder / "card.md").write_text(
        "# Foundation\n\nThe verifier (models/verifier) before it learnt from any of the products that it is measured on: MPNet, the lower nine layers of all-mpnet-base-v2, "
        "after public evidence-claim pairs (`pretrain.py`), corpora/bench (split `train`) and the documentation of further real products. Nothing opens it at run time: training goes on from here "
        "(`python models/verifier/train.py bench|real|fold --start models/foundation`), so that the hours spent so far are not spent again.\n\n"
        "Weights are int8 with a scale for each row, without the word vectors, which are those of the base. Rebuilt by `python models/verifier/train.py keep`. "
        f"SHA-256 {digest}. No manifest stands beside them, since they are not installed with the package.\n\n## Data\n\n"
        "As models/verifier/card.md has it, and claims that we wrote against the documentation of "
        + ", ".join(sorted(p["name"] for p in load(work, "real")))
        + " (their texts are not part of this repository; licences: Apache-2.0, BSD, MIT, MPL-2.0, GPL and AGPL).\n\n## Training, last lines\n\n"
        + "".join(f"- {k}: {v}\n" for k, v in lines.items())
        + "\nOn public pairs and fictional products alone it judges nothing: it has no figures of its own.\n",
        encoding="utf-8",
    )


def write_card(work: pathlib.Path, facts: dict[str, str]) -> None:
    from pretrain import SETS

    def last(name: str, word: str) -> str:
        path = work / name
        lines = [x for x in path.read_text(encoding="utf-8").splitlines() if word in x] if path.exists() else []
        return lines[-1] if lines else "not kept"

    (HERE / "card.md").write_text(
        "# Verifier (reader)\n\nA cross-encoder (MPNet, the lower nine layers of all-mpnet-base-v2, 87 million weights, int8 ONNX) that reads a claim and one passage of documentation "
        "and says what the passage does to the claim: supports, limits, plans, contradicts, none. It does not decide: models/decision does.\n\n"
        "## Data\n\n1. Public evidence-claim pairs whose licences let weights be published (`pretrain.py`): "
        + ", ".join(SETS)
        + ".\n"
        "2. corpora/bench, the products with split `train` (ours, Apache-2.0).\n3. Claims of twelve real products against their documentation, labelled by reading; the texts are not part of this repository.\n\n"
        "## Training\n\nStarts from all-mpnet-base-v2 (Apache-2.0; `--base` takes a folder with it, and its published SHA-256 is checked). Word vectors stay frozen. Stage 1: public pairs, "
        "learning rate 5e-5, seed 13. Stage 2: corpora/bench, 4e-5, seed 17. Stage 3: a reader for each half of the real products, 3e-5; the shipped weights are the mean of the two. Each stage goes "
        "towards a learning rate of zero by steps or by minutes, whichever ends first; two cores, bf16.\n\n"
        + "".join(f"- {k}: {v}\n" for k, v in facts.items())
        + f"- stage 1: {last('pretrain2.log', 'held-out')}\n- stage 2: {last('bench.log', 'step')}\n- stage 3: {last('fold0.log', 'step')}; {last('fold1.log', 'step')}\n\n"
        "## Figures\n\nWhat the reader is worth inside the product, by leave one product out, with ablations and controls: models/decision/card.md. On products that no model saw: `python run.py bench accuracy`.\n\n"
        "## Known failures\n\nConditions that stand in another passage than the capability; long lists where one item is the exception; numbers whose subject differs; English only; claim and passage together are cut at 224 tokens.\n",
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["prepare", "bench", "real", "keep", "fold", "soup", "export"])
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--base", type=pathlib.Path, help="a folder with all-mpnet-base-v2")
    parser.add_argument("--gold", type=pathlib.Path)
    parser.add_argument("--sites", type=pathlib.Path)
    parser.add_argument("--more", type=pathlib.Path, help="a folder of further products (docs/, claims.jsonl) that stage `real` learns from")
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, default=3e-5)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=17, help="of stages bench and real: another one draws other strangers in another order")
    parser.add_argument("--ranks", type=int, default=1, help="processes that train one model together")
    parser.add_argument("--start", type=pathlib.Path, help="a checkpoint, or the folder models/foundation")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if args.stage == "prepare":
        prepare(args)
        return
    if args.stage == "keep":
        keep(args.work)
        return
    base = args.base
    if args.stage == "export":
        save(base, args.work, args.start, args.out, {"task": "relation of a passage to a claim"})
        return
    if args.stage == "soup":
        checkpoint = soup(args.work, args.folds)
        save(base, args.work, checkpoint, HERE, {"task": "relation of a passage to a claim"})
        write_card(args.work, {"check": against_float(base, checkpoint, load(args.work, "bench"))})
        return
    if args.ranks == 1:
        learn(0, args)
        return
    (args.work / f"meeting-{args.stage}{args.fold}").unlink(missing_ok=True)
    torch.multiprocessing.spawn(learn, (args,), nprocs=args.ranks)


def learn(rank: int, args: argparse.Namespace) -> None:
    """Stage `bench`, `real` or `fold`, as one of a crew."""
    crew = Crew(rank, args.ranks, args.work / f"meeting-{args.stage}{args.fold}") if args.ranks > 1 else ALONE
    tokenizer = tokenizer_of(args.base, MAX_TOKENS)
    how = {"epochs": args.epochs, "lr": args.lr, "minutes": args.minutes, "crew": crew}
    if args.stage == "bench":
        model = new_model(args.base, args.start or args.work / "pretrain.pt")
        fit(model, tokenizer, load(args.work, "bench"), seed=args.seed, checkpoint=args.work / "reader-bench.pt", negatives=1, **how)
        return
    if args.stage == "real":
        model = new_model(args.base, args.start or args.work / "reader-bench.pt")
        fit(model, tokenizer, load(args.work, "real"), seed=args.seed, checkpoint=args.work / "reader-real.pt", negatives=1, **how)
        return
    gold = load(args.work, "gold")
    model = new_model(args.base, args.start or args.work / "reader-real.pt")
    products = [p for i, p in enumerate(gold) if i % args.folds != args.fold]
    print("training on", [p["name"] for p in products], flush=True)
    fit(model, tokenizer, products, seed=23 + args.fold, checkpoint=args.work / f"reader-fold{args.fold}.pt", negatives=3, **how)


if __name__ == "__main__":
    main()
