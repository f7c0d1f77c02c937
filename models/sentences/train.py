"""Fits models/sentences: is a sentence checkable, is it generic.

    python models/sentences/train.py --work DIR [--gold DIR --sites DIR]

Trains on the labelled sentences of corpora/bench and, where given, of the gold products; prints what leave-one-product-out gives,
then writes sentences.json, manifest.json and card.md.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections import Counter

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
sys.path.insert(0, str(HERE.parent))

from onnx_export import write_manifest  # noqa: E402

from pipeline.capabilities import passages, plan_ladder  # noqa: E402
from pipeline.claims import read_sentences, types_of  # noqa: E402
from pipeline.documents import READABLE, read_document  # noqa: E402
from pipeline.embed import open_encoder  # noqa: E402
from pipeline.logistic import dump_logistic  # noqa: E402
from pipeline.match import build_index, terms  # noqa: E402
from pipeline.records import Block, BlockKind, Sentence  # noqa: E402
from pipeline.sentences import Background, read_lexicon, shape_columns, shape_rows  # noqa: E402

BENCH = HERE.parent.parent / "corpora" / "bench"
GENERIC = HERE.parent.parent / "corpora" / "generic" / "copy.txt"


def fold(text: str) -> str:
    return " ".join("".join(ch.lower() if ch.isalnum() else " " for ch in text).split())


def product(labels: pathlib.Path, base: pathlib.Path, encoder) -> dict:
    """Labelled sentences of one product with their blocks as the reader finds them, and the product's index."""
    files = sorted(
        p for p in (base / "docs").rglob("*") if p.is_file() and p.suffix.lower() in READABLE and p.suffix != ".txt"
    )
    pages = [read_document(p.read_bytes(), str(p.relative_to(base)), verbatim=True) for p in files]
    index = build_index(passages(pages, plan_ladder(pages)), encoder)
    rows = [json.loads(x) for x in (labels / "sentences.jsonl").read_text(encoding="utf-8").splitlines() if x.strip()]
    read = {}
    said = set()
    for name in {r["page"] for r in rows}:
        page = read_document((base / name).read_bytes(), name, verbatim=False)
        said.update(t for s in read_sentences(page) for t in terms(s.text))
        read[name] = {fold(s.text): page.blocks[s.block] for s in reversed(read_sentences(page))}
    sentences, blocks = [], []
    for r in rows:
        block = read[r["page"]].get(fold(r["text"])) or Block(kind=BlockKind.PARAGRAPH, text=r["text"], selector="")
        sentences.append(
            Sentence(text=r["text"], block=0, start=0, end=len(r["text"]), types=types_of(r["text"]), checkable=False)
        )
        blocks.append(block)
    words = {t for t in index.words.vocabulary}
    return {
        "name": labels.name,
        "rows": rows,
        "sentences": sentences,
        "blocks": blocks,
        "index": index,
        "words": words,
        "said": said,
        **own_pages(labels, base),
    }


def own_pages(labels: pathlib.Path, base: pathlib.Path) -> dict:
    """The pages that readers gave a generic share, with their sentences and blocks."""
    rows = [json.loads(x) for x in (labels / "pages.jsonl").read_text(encoding="utf-8").splitlines() if x.strip()]
    read = []
    for row in rows:
        page = read_document((base / row["page"]).read_bytes(), row["page"], verbatim=False)
        sentences = read_sentences(page)
        read.append((sentences, [page.blocks[s.block] for s in sentences]))
    return {"shares": [r["generic_share"] for r in rows], "read": read}


def matrix(p: dict, sentences: list, blocks: list, encoder, background: Background) -> np.ndarray:
    vectors = encoder.encode([s.text for s in sentences])
    shape = shape_rows(sentences, blocks, vectors, p["index"], p["lexicon"], background)
    return np.hstack([vectors, shape])


# The two readings of the swap test differ between the writers of corpora/bench and the readers of real products; the real ones count
# more. The generic head leans on visible signs: its vector columns are halved. Both from leave one product out, see the card.
BENCH_WEIGHT = {"checkable": 1.0, "generic": 0.35}
VECTOR_SCALE = {"checkable": 1.0, "generic": 0.5}
STRENGTHS = {"checkable": (0.001, 0.003), "generic": (0.0005, 0.001, 0.002)}


def fit(some: list, key: str, c: float):
    """(mean, scale, model) of head `key` on the products `some`."""
    x = np.vstack([q["x"] for q in some])
    y = np.concatenate([q[key] for q in some])
    weight = np.concatenate([np.full(len(q[key]), 1.0 if q["real"] else BENCH_WEIGHT[key]) for q in some])
    mean, scale = x.mean(0), x.std(0) + 1e-6
    # Vector columns keep their common scale: whitening 384 of them would drown the few dozen that mean something.
    scale[:384] = x[:, :384].std() / VECTOR_SCALE[key]
    model = LogisticRegression(C=c, max_iter=3000).fit((x - mean) / scale, y, sample_weight=weight)
    return mean, scale, model


def page_shares(held: list, products: list, encoder, c: float) -> str:
    """How the generic share of pages follows the readers', each product judged by a model that has not seen it."""
    said = []
    for p in held:
        rest = [q for q in products if q is not p]
        mean, scale, model = fit(rest, "generic", c)
        shares = []
        for sentences, blocks in p["read"]:
            x = matrix(p, sentences, blocks, encoder, p["background"])
            words = np.array([len(s.text.split()) for s in sentences])
            shares.append(float(model.predict_proba((x - mean) / scale)[:, 1] @ words / words.sum()))
        if len(shares) > 2:
            said.append((p["name"], float(spearmanr(shares, p["shares"]).statistic)))
    return f"page generic share, Spearman: mean {np.mean([r for _, r in said]):.3f} " + " ".join(
        f"{n} {r:.3f}" for n, r in said
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--gold", type=pathlib.Path)
    parser.add_argument("--sites", type=pathlib.Path)
    args = parser.parse_args()
    encoder = open_encoder("retriever", args.work / "vectors.sqlite")
    # Test products stay unseen: nothing of them may be fitted, the background words included.
    bench = [
        product(d, d, encoder)
        for d in sorted(BENCH.iterdir())
        if (d / "product.json").exists() and json.loads((d / "product.json").read_text("utf-8"))["split"] == "train"
    ]
    gold = (
        [
            product(d, args.sites / d.name, encoder)
            for d in sorted(args.gold.iterdir())
            if (d / "sentences.jsonl").exists()
        ]
        if args.gold
        else []
    )
    count = Counter(t for p in bench for t in p["words"])
    background = {t: round(n / len(bench), 3) for t, n in sorted(count.items()) if n >= 3}
    count = Counter(t for p in bench for t in p["said"])
    copy = {t: round(n / len(bench), 3) for t, n in sorted(count.items()) if n >= 3}
    lines = [x for x in GENERIC.read_text(encoding="utf-8").splitlines() if x and not x.startswith("#")]
    vectors = encoder.encode(lines).astype(np.float16)
    products = [*gold, *bench]
    for p in products:
        # The product's own documentation must not count as "other products'" for itself.
        own = (
            {t: (n * len(bench) - 1) / (len(bench) - 1) for t, n in background.items() if t in p["words"]}
            if any(p is q for q in bench)
            else {}
        )
        p["real"] = not any(p is q for q in bench)
        p["lexicon"] = read_lexicon(p["index"])
        p["background"] = Background(docs={**background, **own}, copy=copy, vectors=vectors.astype(np.float32))
        p["x"] = matrix(p, p["sentences"], p["blocks"], encoder, p["background"])
    report = []
    for key in ("checkable", "generic"):
        for p in products:
            p[key] = np.array([bool(r[key]) for r in p["rows"]])
    held = gold or bench
    best = {}
    for key in ("checkable", "generic"):
        for c in STRENGTHS[key]:
            scores = {}
            for p in held:
                rest = [q for q in products if q is not p]
                mean, scale, model = fit(rest, key, c)
                p[f"{key}.out"] = model.predict_proba((p["x"] - mean) / scale)[:, 1]
                scores[p["name"]] = roc_auc_score(p[key], p[f"{key}.out"])
            line = f"{key} C={c}: mean AUC {np.mean(list(scores.values())):.3f} " + " ".join(
                f"{n} {s:.3f}" for n, s in scores.items()
            )
            if np.mean(list(scores.values())) > best.get(key, (0,))[0]:
                best[key] = (np.mean(list(scores.values())), c, {p["name"]: p[f"{key}.out"] for p in held})
            report.append(line)
            print(line, flush=True)
    y = np.concatenate([p["checkable"] for p in held])
    out = np.concatenate([best["checkable"][2][p["name"]] for p in held])
    threshold = max(
        np.arange(0.3, 0.7, 0.02),
        key=lambda t: np.mean([f1_score(p["checkable"], best["checkable"][2][p["name"]] >= t) for p in held]),
    )
    line = (
        f"checkable F1 at {threshold:.2f}: "
        + " ".join(
            f"{p['name']} {f1_score(p['checkable'], best['checkable'][2][p['name']] >= threshold):.3f}" for p in held
        )
        + f" pooled {f1_score(y, out >= threshold):.3f}"
    )
    report.append(line)
    print(line)
    line = page_shares(held, products, encoder, best["generic"][1])
    report.append(line)
    print(line)
    data = {"threshold": round(float(threshold), 2), "background": background, "copy": copy}
    np.save(HERE / "generic.npy", vectors)
    columns = [f"v{i}" for i in range(384)] + shape_columns()
    for key in ("checkable", "generic"):
        mean, scale, model = fit(products, key, best[key][1])
        data[key] = dump_logistic(columns, ["no", "yes"], mean, scale, model.coef_, model.intercept_)
    (HERE / "sentences.json").write_text(json.dumps(data) + "\n", encoding="utf-8")
    write_manifest(
        HERE,
        {
            "task": "checkable and generic sentences",
            "sentences": int(sum(len(p["rows"]) for p in products)),
            "products": len(products),
            "encoder": encoder.version,
        },
    )
    (HERE / "card.md").write_text(
        "# Sentence model\n\nTwo logistic regressions over a sentence vector and visible signs: is a sentence checkable, is it generic.\n\n"
        f"Data: {sum(len(p['rows']) for p in bench)} sentences of {len(bench)} fictional products (corpora/bench) and {sum(len(p['rows']) for p in gold)} "
        f"labelled sentences of {len(gold)} real products. Encoder {encoder.version}.\n\nLeave one product out:\n\n```\n"
        + "\n".join(report)
        + "\n```\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
