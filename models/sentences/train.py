"""Fits models/sentences: is a sentence checkable, is it generic.

    python models/sentences/train.py --work DIR [--gold DIR --sites DIR]

Trains on the labelled sentences of corpora/bench and, where given, of the gold products; prints what leave-one-product-out gives,
then writes sentences.json, labelled.npy, generic.npy, manifest.json and card.md. Figures follow the rules of the benchmark: a labelled
sentence that the reader does not find on its page counts as not checkable.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import sys
from collections import Counter
from typing import Any

import numpy as np
from scipy.stats import rankdata, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
sys.path.insert(0, str(HERE.parent))

from onnx_export import write_manifest  # noqa: E402

from pipeline.capabilities import passages, plan_ladder  # noqa: E402
from pipeline.claims import read_sentences  # noqa: E402
from pipeline.documents import READABLE, read_document  # noqa: E402
from pipeline.embed import open_encoder  # noqa: E402
from pipeline.generic import generic_share, page_kind  # noqa: E402
from pipeline.logistic import dump_logistic  # noqa: E402
from pipeline.match import build_index, terms  # noqa: E402
from pipeline.records import Sentence  # noqa: E402
from pipeline.sentences import Background, Labelled, likeness_rows, place_rows, read_lexicon, shape_rows  # noqa: E402
from pipeline.sentences.model import columns, packed, rows, unpacked  # noqa: E402

BENCH = HERE.parent.parent / "corpora" / "bench"
GENERIC = HERE.parent.parent / "corpora" / "generic" / "copy.txt"
LABELLED = HERE.parent.parent / "corpora" / "generic" / "labelled.jsonl"
HEADS = ("checkable", "generic")
# Writers of corpora/bench and readers of real products draw the line of the swap test at different places; what carries over is what kind of
# sentence it is, which the nearest labelled sentences tell. So real products count ten times as much in the generic head. The vector
# columns are scaled down against the visible signs. All from leave one product out.
BENCH_WEIGHT = {"checkable": 0.7, "generic": 0.1}
VECTOR_SCALE = {"checkable": 1.0, "generic": 0.7}
# Half and twice these give the same within 0.002 AUC.
STRENGTHS = {"checkable": (0.003,), "generic": (0.0005,)}
SAME = 0.6  # share of words from which a labelled sentence and a read one are the same


def fold(text: str) -> str:
    return re.sub(r"[^a-z0-9%$.+]+", " ", text.lower()).strip()


def find(text: str, sentences: list[Sentence]) -> int | None:
    """The place of a labelled sentence among the read ones: the same wording, else the most words in common."""
    want = fold(text)
    best, most = None, SAME
    for place, sentence in enumerate(sentences):
        got = fold(sentence.text)
        if got == want:
            return place
        a, b = set(want.split()), set(got.split())
        share = len(a & b) / max(1, len(a | b))
        if share >= most and (best is None or share > most):
            best, most = place, share
    return best


def lines(path: pathlib.Path) -> list[dict[str, Any]]:
    return [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines() if x.strip()]


class Product:
    """One labelled product: its index, its read pages and, of every sentence of these, the row of columns."""

    def __init__(self, labels: pathlib.Path, base: pathlib.Path, encoder: Any, real: bool) -> None:
        self.name, self.real = labels.name, real
        files = sorted(
            p for p in (base / "docs").rglob("*") if p.is_file() and p.suffix.lower() in READABLE and p.suffix != ".txt"
        )
        documents = [read_document(p.read_bytes(), str(p.relative_to(base)), verbatim=True) for p in files]
        self.index = build_index(passages(documents, plan_ladder(documents)), encoder)
        self.lexicon = read_lexicon(self.index)
        self.words = set(self.index.words.vocabulary)
        self.labels, self.shares = lines(labels / "sentences.jsonl"), lines(labels / "pages.jsonl")
        self.pages = {
            name: read_document((base / name).read_bytes(), name, verbatim=False)
            for name in sorted({r["page"] for r in [*self.labels, *self.shares]})
        }
        self.read = {name: read_sentences(page) for name, page in self.pages.items()}
        self.start = dict(
            zip(self.read, np.cumsum([0, *(len(s) for s in self.read.values())])[:-1].tolist(), strict=True)
        )
        self.sentences = [s for read in self.read.values() for s in read]
        self.said = {t for s in self.sentences for t in terms(s.text)}
        self.vectors = encoder.encode([s.text for s in self.sentences])
        # Row number of each labelled sentence; None where the reader does not have it.
        self.places: list[int | None] = []
        for row in self.labels:
            found = find(row["text"], self.read[row["page"]])
            self.places.append(None if found is None else self.start[row["page"]] + found)
        self.held = [p for p in self.places if p is not None]
        self.y = {
            key: np.array([bool(r[key]) for r, p in zip(self.labels, self.places, strict=True) if p is not None])
            for key in HEADS
        }
        self.x = np.zeros((0, 0))

    def see(self, background: Background, labelled: Labelled) -> None:
        """Fills `x`, (sentences, columns)."""
        parts = []
        for name, page in self.pages.items():
            read = self.read[name]
            if not read:
                continue
            some = self.vectors[self.start[name] : self.start[name] + len(read)]
            blocks = [page.blocks[s.block] for s in read]
            parts.append(
                rows(
                    some,
                    shape_rows(read, blocks, some, self.index, self.lexicon, background),
                    place_rows(read, blocks, page_kind(page).value),
                    likeness_rows(some, labelled, without="" if self.real else self.name),
                )
            )
        self.x = np.vstack(parts)


def fit(some: list[Product], key: str, c: float) -> tuple[Any, Any, Any]:
    """(mean, scale, model) of head `key` on the products `some`."""
    x = np.vstack([q.x[q.held] for q in some])
    y = np.concatenate([q.y[key] for q in some])
    weight = np.concatenate([np.full(len(q.held), 1.0 if q.real else BENCH_WEIGHT[key]) for q in some])
    mean, scale = x.mean(0), x.std(0) + 1e-6
    # Vector columns keep their common scale: whitening 384 of them would drown the few dozen that mean something.
    scale[:384] = x[:, :384].std() / VECTOR_SCALE[key]
    model = LogisticRegression(C=c, solver="newton-cholesky", max_iter=200).fit(
        (x - mean) / scale, y, sample_weight=weight
    )
    return mean, scale, model


def apart(held: list[Product], products: list[Product], key: str, c: float) -> dict[str, np.ndarray]:
    """Probabilities of every sentence of each product in `held`, by a model that has not seen that product."""
    out = {}
    for p in held:
        mean, scale, model = fit([q for q in products if q is not p], key, c)
        out[p.name] = model.predict_proba((p.x - mean) / scale)[:, 1]
    return out


def mean_auc(held: list[Product], key: str, out: dict[str, np.ndarray]) -> tuple[float, str]:
    scores = {p.name: float(roc_auc_score(p.y[key], out[p.name][p.held])) for p in held}
    return float(np.mean(list(scores.values()))), " ".join(f"{n} {s:.3f}" for n, s in scores.items())


def checkable_line(held: list[Product], out: dict[str, np.ndarray]) -> tuple[float, str]:
    """The threshold that is best on the mean of products, and the figures at it."""

    def flags(p: Product, threshold: float) -> tuple[list[bool], list[bool]]:
        said = [place is not None and bool(out[p.name][place] >= threshold) for place in p.places]
        return [bool(r["checkable"]) for r in p.labels], said

    grid = [round(float(t), 2) for t in np.arange(0.3, 0.7, 0.02)]
    threshold = max(grid, key=lambda t: np.mean([f1_score(*flags(p, t)) for p in held]))
    each = {p.name: flags(p, threshold) for p in held}
    pooled = f1_score([y for f in each.values() for y in f[0]], [y for f in each.values() for y in f[1]])
    said = " ".join(f"{n} {f1_score(*f):.3f}" for n, f in each.items())
    return threshold, f"checkable F1 at {threshold:.2f}: {said} pooled {pooled:.3f}"


def share_line(held: list[Product], out: dict[str, np.ndarray]) -> str:
    """How the generic share of pages follows the readers'."""
    said = {}
    for p in held:
        got, want = [], []
        for row in p.shares:
            start, read = p.start[row["page"]], p.read[row["page"]]
            scored = [
                Sentence(
                    text=s.text, block=s.block, start=s.start, end=s.end, types=s.types, checkable=False, generic=g
                )
                for s, g in zip(read, out[p.name][start : start + len(read)].tolist(), strict=True)
            ]
            share = generic_share(scored).value
            if share is not None:
                got.append(share)
                want.append(row["generic_share"])
        if len(got) > 2:
            said[p.name] = float(spearmanr(got, want).statistic)
    return f"page generic share, Spearman: mean {np.mean(list(said.values())):.3f} " + " ".join(
        f"{n} {r:.3f}" for n, r in said.items()
    )


def worst(held: list[Product], out: dict[str, np.ndarray], most: int = 20) -> list[str]:
    """The labelled sentences that the generic head ranks farthest from where the readers put them."""
    found = []
    for p in held:
        rank = rankdata(out[p.name][p.held]) / len(p.held)
        for place, label, r in zip(p.held, p.y["generic"], rank, strict=True):
            found.append((1 - r if label else r, p.name, "generic" if label else "specific", p.sentences[place].text))
    return [
        f"{n}: readers say {label}: {text}" for _, n, label, text in sorted(found, key=lambda f: (-f[0], f[3]))[:most]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=pathlib.Path, help="folder of the vector cache")
    parser.add_argument("--gold", type=pathlib.Path)
    parser.add_argument("--sites", type=pathlib.Path)
    parser.add_argument("--dry", action="store_true", help="print the figures, write nothing")
    args = parser.parse_args()
    encoder = open_encoder("retriever", args.work / "vectors.sqlite")
    # Test products stay unseen: nothing of them may be fitted, the background words included.
    bench = [
        Product(d, d, encoder, False)
        for d in sorted(BENCH.iterdir())
        if (d / "product.json").exists() and json.loads((d / "product.json").read_text("utf-8"))["split"] == "train"
    ]
    gold = [
        Product(d, args.sites / d.name, encoder, True)
        for d in (sorted(args.gold.iterdir()) if args.gold and args.sites else [])
        if (d / "sentences.jsonl").exists()
    ]
    products = [*gold, *bench]
    count = Counter(t for p in bench for t in p.words)
    background = {t: round(n / len(bench), 3) for t, n in sorted(count.items()) if n >= 3}
    count = Counter(t for p in bench for t in p.said)
    copy = {t: round(n / len(bench), 3) for t, n in sorted(count.items()) if n >= 3}
    texts = [x for x in GENERIC.read_text(encoding="utf-8").splitlines() if x and not x.startswith("#")]
    vectors = encoder.encode(texts).astype(np.float16)
    own = lines(LABELLED) if LABELLED.exists() else []
    stored = packed(np.vstack([*(p.vectors[p.held] for p in bench), encoder.encode([r["text"] for r in own])]))
    labels = {
        key: np.concatenate([*(p.y[key] for p in bench), [bool(r[key]) for r in own]]).astype(float) for key in HEADS
    }
    labelled = Labelled(
        vectors=unpacked(stored),
        generic=labels["generic"],
        checkable=labels["checkable"],
        owner=[*(p.name for p in bench for _ in p.held), *("" for _ in own)],
    )
    for p in products:
        # The product's own documentation must not count as "other products'" for itself.
        adjusted = {} if p.real else {
            t: (n * len(bench) - 1) / (len(bench) - 1) for t, n in background.items() if t in p.words
        }  # fmt: skip
        p.see(Background(docs={**background, **adjusted}, copy=copy, vectors=vectors.astype(np.float32)), labelled)
    held = gold or bench
    report, best = [], {}
    for key in HEADS:
        for c in STRENGTHS[key]:
            out = apart(held, products, key, c)
            auc, said = mean_auc(held, key, out)
            report.append(f"{key} C={c}: mean AUC {auc:.3f} {said}")
            if auc > best.get(key, (0.0,))[0]:
                best[key] = (auc, c, out)
    threshold, line = checkable_line(held, best["checkable"][2])
    lost = sum(place is None for p in held for place in p.places)
    report += [
        line,
        share_line(held, best["generic"][2]),
        f"labelled sentences not found on their page: {lost} of {sum(len(p.places) for p in held)}",
    ]
    sys.stdout.write("\n".join(report) + "\n")
    if args.dry:
        sys.stdout.write("\n".join(worst(held, best["generic"][2])) + "\n")
        return
    np.save(HERE / "generic.npy", vectors)
    np.save(HERE / "labelled.npy", stored)
    data: dict[str, Any] = {"threshold": threshold, "background": background, "copy": copy}
    data["labelled"] = {key: "".join("1" if x else "0" for x in labels[key]) for key in HEADS}
    for key in HEADS:
        mean, scale, model = fit(products, key, best[key][1])
        data[key] = dump_logistic(columns(), ["no", "yes"], mean, scale, model.coef_, model.intercept_)
    (HERE / "sentences.json").write_text(json.dumps(data) + "\n", encoding="utf-8")
    write_manifest(
        HERE,
        {
            "task": "checkable and generic sentences",
            "sentences": int(sum(len(p.held) for p in products)),
            "products": len(products),
            "encoder": encoder.version,
        },
    )
    # The card speaks of real products by number.
    numbered = {p.name: f"real {n}" for n, p in enumerate(gold, 1)}
    text = card(bench, gold, len(own), encoder.version, report)
    for name, number in numbered.items():
        text = text.replace(name, number)
    (HERE / "card.md").write_text(text, encoding="utf-8")


def card(bench: list[Product], gold: list[Product], own: int, encoder: str, report: list[str]) -> str:
    """The model card of this run."""
    return f"""# Sentence model

Two logistic regressions: is a sentence checkable, is it generic (the swap test: would it be true and natural with a competitor's name in it?).
They read the sentence vector, visible signs (cue words, names, figures, the wording that this product's documentation owns, nearness to
it and to generic copy), the place on the page, and what readers said of the nearest labelled sentences of other products.

Data: {sum(len(p.held) for p in bench)} sentences of {len(bench)} fictional products (corpora/bench), {own} of corpora/generic/labelled.jsonl (as neighbours only)
and {sum(len(p.held) for p in gold)} labelled sentences of {len(gold)} real products. Encoder {encoder}. The eight test products of corpora/bench are in nothing.

Leave one product out (`python models/sentences/train.py --work DIR --gold DIR --sites DIR --dry`, which also lists the twenty worst sentences):

```
{chr(10).join(report)}
```

Two readers of the same sentences agree on 87 %, so an AUC much above 0.9 cannot be had from these labels. The strengths, the weight of
corpora/bench and the scale of the vector columns were chosen on the same six products, and labelled.jsonl was written after looking at errors on them: expect a
little less on others.

Of the twenty sentences that the generic head puts farthest from the readers, about fifteen are of one kind: a feature that every product of the category
has ("single sign-on with Okta", "available for Windows and macOS", "AES-256"). Readers who know the category call it generic; words that
look specific say otherwise, and nothing here knows what the rivals offer. The rest are headings and asides that only their page makes specific.
"""


if __name__ == "__main__":
    main()
