"""Fits models/decision: signals of the documentation -> calibrated verdict.

    python models/decision/train.py --work DIR --base DIR --folds 2 [--write]

Reads the products that `models/verifier/train.py prepare` wrote into --work and the reader's fold checkpoints. Every gold product is read by a
reader that never saw it (the fold that leaves it out), once with all documents and, for the supported claims, once with their gold documents
taken away. Prints what leave-one-product-out gives, with the controls; writes decision.json, manifest.json and card.md.
"""

from __future__ import annotations

import argparse
import functools
import json
import pathlib
import pickle
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "verifier"))

from onnx_export import write_manifest  # noqa: E402
from verifier.train import held_out, save  # noqa: E402

from pipeline.capabilities import restrictions  # noqa: E402
from pipeline.claims import types_of  # noqa: E402
from pipeline.embed import open_encoder  # noqa: E402
from pipeline.logistic import dump_logistic  # noqa: E402
from pipeline.match import build_index, match  # noqa: E402
from pipeline.records import Claim, ClaimType, Verdict  # noqa: E402
from pipeline.verify.decide import wording  # noqa: E402
from pipeline.verify.explain import evidence_for, nearest_part  # noqa: E402
from pipeline.verify.judge import candidates_of, reading_list  # noqa: E402
from pipeline.verify.reader import Reader  # noqa: E402
from pipeline.verify.signals import signals  # noqa: E402

VERDICTS = [v.value for v in Verdict]
OVER = {"qualified", "planned", "contradicted", "undocumented"}
GROUPS = 5
KINDS = ["external", "product", "uncheckable"]
TEXT_C = 0.02
FALSE_ALARMS = 0.24  # share of supported claims called an overpromise that the verdict weights may reach
CORPORA = HERE.parent.parent / "corpora"


def examples(product: dict, encoder, query) -> list[dict]:
    """Claims of a product as matched with all documents, then supported claims with their group's gold documents away; `query` encodes the claims."""
    whole = build_index(product["passages"], encoder, restrictions(product["passages"]))
    found = match([i["match"].claim for i in product["items"]], whole, query, 16)
    out = [{"row": i["row"], "match": m, "removed": False} for i, m in zip(product["items"], found, strict=True)]
    supported = [i for i in product["items"] if i["row"]["verdict"] == "supported"]
    for group in (supported[k::GROUPS] for k in range(GROUPS)):
        away = {e["doc"] for i in group for e in i["row"]["evidence"]}
        left = [p for p in product["passages"] if p.doc not in away]
        index = build_index(left, encoder, restrictions(left))
        for item, m in zip(group, match([i["match"].claim for i in group], index, query, 16), strict=True):
            out.append({"row": item["row"], "match": m, "removed": True})
    return out


def auc(y: np.ndarray, s: np.ndarray) -> float:
    order = np.argsort(s, kind="stable")
    ranks = np.empty(len(s))
    ranks[order] = np.arange(1, len(s) + 1)
    for value in np.unique(s):
        same = s == value
        ranks[same] = ranks[same].mean()
    pos, neg = y.sum(), (~y).sum()
    return float((ranks[y].sum() - pos * (pos + 1) / 2) / (pos * neg)) if pos and neg else float("nan")


def over_score(p: np.ndarray, classes: list[str]) -> np.ndarray:
    o = sum(p[:, classes.index(v)] for v in OVER)
    return o / (o + p[:, classes.index("supported")] + 1e-9)


def f1(gold: list[str], said: list[str], label: str) -> float:
    tp = sum(g == s == label for g, s in zip(gold, said, strict=True))
    return 2 * tp / max(1, sum(g == label for g in gold) + sum(s == label for s in said))


def figures(rows: list[dict], p: np.ndarray, said: list[str], classes: list[str]) -> dict[str, float]:
    """The figures of the benchmark for one product's examples."""
    full = [k for k, e in enumerate(rows) if not e["removed"]]
    gold = [rows[k]["row"]["verdict"] for k in full]
    mine = [said[k] for k in full]
    score = over_score(p, classes)
    two = [k for k in full if rows[k]["row"]["verdict"] in OVER | {"supported"}]
    y = np.array([rows[k]["row"]["verdict"] in OVER for k in two])
    guess = np.array([said[k] in OVER for k in two])
    natural = [i for i, k in enumerate(two) if rows[k]["row"].get("origin") == "natural"]
    pairs: dict[str, dict] = {}
    for k in full:
        if rows[k]["row"].get("pair"):
            pairs.setdefault(rows[k]["row"]["pair"], {})["s" if rows[k]["row"]["verdict"] == "supported" else "o"] = (
                score[k]
            )
    wins = [float(v["o"] > v["s"]) for v in pairs.values() if len(v) == 2]
    before = {rows[k]["row"]["id"]: score[k] for k in full if rows[k]["row"]["verdict"] == "supported"}
    after = [(rows[k]["row"]["id"], score[k]) for k in range(len(rows)) if rows[k]["removed"]]
    rem = np.array([before[i] for i, _ in after] + [s for _, s in after])
    return {
        "bacc": (guess[y].mean() + (~guess[~y]).mean()) / 2,
        "auc": auc(y, score[two]),
        "natural_auc": auc(y[natural], score[two][natural]) if len(natural) > 8 else float("nan"),
        "removed_auc": auc(np.array([False] * len(after) + [True] * len(after)), rem) if after else float("nan"),
        "pair": float(np.mean(wins)) if wins else float("nan"),
        "macro_f1": float(np.mean([f1(gold, mine, v) for v in sorted(set(gold))])),
        "contradicted": f1(gold, mine, "contradicted"),
        "qualified": f1(gold, mine, "qualified"),
        "false_alarm": float(guess[~y].mean()),
        "accuracy": float(np.mean([a == b for a, b in zip(gold, mine, strict=True)])),
    }


def write_rows(d: dict, p: np.ndarray, weights: np.ndarray, folder: pathlib.Path, encoder) -> None:
    """<product>.jsonl and <product>.removed.jsonl: what the product would have answered without having learnt from this one."""
    score = over_score(p, VERDICTS)
    with (
        open(folder / f"{d['name']}.jsonl", "w", encoding="utf-8") as full,
        open(folder / f"{d['name']}.removed.jsonl", "w", encoding="utf-8") as removed,
    ):
        for k, e in enumerate(d["rows"]):
            verdict = VERDICTS[int((p[k] * weights).argmax())]
            m = e["match"]
            part_of = functools.partial(nearest_part, m.claim, e["vector"], encoder=encoder)
            found = evidence_for(m.claim, Verdict(verdict), reading_list(m), e["reading"], part_of)
            row = {
                "id": e["row"]["id"],
                "claim": m.claim.text,
                "verdict": verdict,
                "overpromise": round(float(score[k]), 5),
                "evidence": [{"doc": x.doc, "quote": x.quote, "relation": x.relation.value} for x in found],
                "candidates": [{"doc": c.doc, "quote": c.quote, "score": c.score} for c in candidates_of(m)],
            }
            (removed if e["removed"] else full).write(json.dumps(row, ensure_ascii=False) + "\n")


def fit(x: np.ndarray, y: list[str], c: float, weight: np.ndarray | None = None, width: int = 0):
    mean, scale = x.mean(0), x.std(0) + 1e-6
    if width:
        scale[:width] = x[:, :width].std()
    model = LogisticRegression(C=c, max_iter=4000).fit((x - mean) / scale, y, sample_weight=weight)
    return mean, scale, model


def proba(fitted, x: np.ndarray, labels: list[str] = VERDICTS) -> np.ndarray:
    mean, scale, model = fitted
    p = model.predict_proba((x - mean) / scale)
    out = np.zeros((len(x), len(labels)))
    for column, label in enumerate(model.classes_):
        out[:, labels.index(label)] = p[:, column]
    return out


def kind_of(verdict: str) -> str:
    """What the wording of a claim can tell: external, uncheckable, or a claim that documentation settles one way or the other."""
    return verdict if verdict in {"external", "uncheckable"} else "product"


def wording_rows() -> list[tuple[Claim, str]]:
    """Claims of corpora/wording: written for their wording alone, with no documentation."""
    rows = []
    for path in sorted((CORPORA / "wording").glob("*.jsonl")):
        rows += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(Claim(id=str(k), text=r["claim"], types=types_of(r["claim"])), r["verdict"]) for k, r in enumerate(rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--base", required=True, type=pathlib.Path, help="a folder with all-mpnet-base-v2")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--readers", default="reader-fold{}.pt", help="checkpoint name by fold number")
    parser.add_argument("--read", type=int, help="only read the products that this fold's reader never saw")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--features", default="features", help="name of the feature cache")
    parser.add_argument(
        "--rows", type=pathlib.Path, help="folder for the left-out products' answers, as `claims --out` writes them"
    )
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    encoder = open_encoder("retriever", args.work / "vectors.sqlite")
    query = open_encoder("query", args.work / "vectors.sqlite")
    paths = sorted(args.work.glob("gold-*.pkl"))
    bench = [
        pickle.loads(p.read_bytes())
        for p in sorted(args.work.glob("bench-*.pkl"))
        if not held_out(p.stem.removeprefix("bench-"))
    ]
    bench_rows = [i for b in bench for i in b["items"]]
    data = []
    for number, path in enumerate(paths):
        cache = args.work / f"{args.features}-{path.stem}.pkl"
        if args.read is not None and number % args.folds != args.read:
            continue
        if cache.exists():
            data.append(pickle.loads(cache.read_bytes()))
            continue
        product = pickle.loads(path.read_bytes())
        rows = examples(product, encoder, query)
        # The very int8 model that would be shipped, so that the figures are those of the product.
        fold = args.work / f"fold{number % args.folds}"
        if not (fold / "manifest.json").exists():
            save(args.base, args.work, args.work / args.readers.format(number % args.folds), fold, {"fold": number % args.folds})
        reader = Reader("verifier", fold, threads=args.threads)
        for e in rows:
            e["reading"] = reader.read(e["match"].claim, reading_list(e["match"]))
        vectors = encoder.encode([e["match"].claim.text for e in rows])
        for k, e in enumerate(rows):
            e["vector"] = vectors[k]
        item = {"name": product["name"], "ladder": product["ladder"], "rows": rows}
        cache.write_bytes(pickle.dumps(item))
        data.append(item)
        print(f"read {product['name']}: {len(rows)} claims", flush=True)
    if args.read is not None:
        return

    # The wording model never sees a product that it is asked about. It knows three kinds of claim: about customers, rivals, the company; nothing to check; the rest.
    own = [(i["match"].claim, i["row"]["verdict"]) for i in bench_rows] + wording_rows()
    own_vectors = encoder.encode([c.text for c, _ in own])
    bench_x = np.array([wording(c, v) for (c, _), v in zip(own, own_vectors, strict=True)])
    bench_y = [kind_of(v) for _, v in own]
    for d in data:
        d["wording"] = np.array([wording(e["match"].claim, e["vector"]) for e in d["rows"]])
        d["gold"] = ["undocumented" if e["removed"] else e["row"]["verdict"] for e in d["rows"]]
        d["full"] = np.array([not e["removed"] for e in d["rows"]])
    for d in data:
        others = [o for o in data if o is not d]
        x = np.vstack([bench_x, *(o["wording"][o["full"]] for o in others)])
        y = bench_y + [kind_of(g) for o in others for g, f in zip(o["gold"], o["full"], strict=True) if f]
        d["text"] = proba(fit(x, y, TEXT_C, width=384), d["wording"], KINDS)
        names: list[str] = []
        rows = []
        for e, odds in zip(d["rows"], d["text"], strict=True):
            seen = signals(
                e["match"],
                reading_list(e["match"]),
                e["reading"],
                d["ladder"],
                dict(zip(KINDS, odds.tolist(), strict=True)),
            )
            names = list(seen)
            rows.append([seen[n] for n in names])
        d["x"] = np.array(rows)
        print(f"signals of {d['name']}", flush=True)
    (args.work / "decision-x.pkl").write_bytes(
        pickle.dumps({"names": names, "data": [{k: d[k] for k in ("name", "rows", "x", "gold", "full")} for d in data]})
    )
    report: list[str] = []

    def table(title: str, columns: list[int], c: float, weights: np.ndarray, show: bool = True) -> tuple[dict, dict]:
        per, outs = {}, {}
        for d in data:
            others = [o for o in data if o is not d]
            x = np.vstack([o["x"][:, columns] for o in others])
            y = [g for o in others for g in o["gold"]]
            w = np.concatenate([np.where(o["full"], 1.0, 0.5) for o in others])
            p = proba(fit(x, y, c, w), d["x"][:, columns])
            said = [VERDICTS[k] for k in (p * weights).argmax(1)]
            per[d["name"]] = figures(d["rows"], p, said, VERDICTS)
            outs[d["name"]] = p
        mean = {k: float(np.nanmean([v[k] for v in per.values()])) for k in next(iter(per.values()))}
        if show:
            line = f"{title:34s} " + " ".join(f"{k} {v:.3f}" for k, v in mean.items())
            report.append(line)
            print(line, flush=True)
        return mean, {"per": per, "outs": outs}

    every = list(range(len(names)))
    ones = np.ones(len(VERDICTS))
    for c in (0.003, 0.01, 0.03, 0.1):
        table(f"all signals, C={c}", every, c, ones)
    best_c = 0.004
    _, kept = table("all signals", every, best_c, ones, show=False)
    # Verdict weights: a coordinate search on the left-out products' own probabilities, from three starts and in ever finer steps.
    def value(w: np.ndarray) -> float:
        got = []
        for d in data:
            said = [VERDICTS[k] for k in (kept["outs"][d["name"]][d["full"]] * w).argmax(1)]
            gold = [g for g, f in zip(d["gold"], d["full"], strict=True) if f]
            sides = [np.mean([s in OVER for g, s in zip(gold, said, strict=True) if g in of]) for of in (OVER, {"supported"})]
            f = {v: f1(gold, said, v) for v in sorted(set(gold))}
            got.append([np.mean(list(f.values())), (sides[0] + 1 - sides[1]) / 2, f["contradicted"] + f["qualified"], sides[1]])
        macro, balanced, hard, alarms = np.mean(got, axis=0)
        return float(macro + 1.2 * balanced + 0.2 * hard - 2 * max(0.0, alarms - FALSE_ALARMS))

    current, weights = -1.0, ones
    for start in ({}, {"undocumented": 0.5, "planned": 2, "qualified": 2}, {"undocumented": 0.4, "planned": 2, "qualified": 1.6, "contradicted": 1.3}):
        w = np.array([float(start.get(v, 1.0)) for v in VERDICTS])
        reached = value(w)
        for step in (1.5, 1.25, 1.12):
            for k in [*range(len(VERDICTS))] * 2:
                for factor in (step, 1 / step):
                    trial = w.copy()
                    trial[k] *= factor
                    score = value(trial)
                    if score > reached + 1e-5:
                        w, reached = trial, score
        if reached > current:
            current, weights = reached, w
    _mean, kept = table("all signals, weighted", every, best_c, weights)
    for name, f in kept["per"].items():
        line = f"  {name:32s} " + " ".join(f"{k} {v:.3f}" for k, v in f.items())
        report.append(line)
        print(line)
    if args.rows:
        args.rows.mkdir(parents=True, exist_ok=True)
        for d in data:
            write_rows(d, kept["outs"][d["name"]], weights, args.rows, encoder)
    groups = {n.split(".")[0] for n in names}
    for group in sorted(groups):
        table(f"without {group}", [i for i, n in enumerate(names) if n.split(".")[0] != group], best_c, weights)
    table(
        "wording alone (control)",
        [i for i, n in enumerate(names) if n.split(".")[0] in {"text", "claim"}],
        best_c,
        weights,
    )
    table("retrieval alone", [i for i, n in enumerate(names) if n.split(".")[0] == "retrieval"], best_c, weights)
    (args.work / "decision-outs.pkl").write_bytes(
        pickle.dumps(
            {
                "outs": kept["outs"],
                "weights": weights,
                "names": names,
                "data": [(d["name"], [e["row"] for e in d["rows"]], [e["removed"] for e in d["rows"]]) for d in data],
            }
        )
    )
    if not args.write:
        return
    x = np.vstack([d["x"] for d in data])
    y = [g for d in data for g in d["gold"]]
    w = np.concatenate([np.where(d["full"], 1.0, 0.5) for d in data])
    mean_, scale, model = fit(x, y, best_c, w)
    text_mean, text_scale, text = fit(
        np.vstack([bench_x, *(d["wording"][d["full"]] for d in data)]),
        bench_y + [kind_of(g) for d in data for g, f in zip(d["gold"], d["full"], strict=True) if f],
        TEXT_C,
        width=384,
    )
    decision = {
        "joint": dump_logistic(names, list(model.classes_), mean_, scale, model.coef_, model.intercept_),
        "text": dump_logistic(
            [f"v{i}" for i in range(384)] + [t.value for t in ClaimType] + ["words"],
            list(text.classes_),
            text_mean,
            text_scale,
            text.coef_,
            text.intercept_,
        ),
        "weights": {v: round(float(weights[k]), 4) for k, v in enumerate(VERDICTS)},
    }
    (HERE / "decision.json").write_text(json.dumps(decision) + "\n", encoding="utf-8")
    write_manifest(
        HERE, {"task": "calibrated verdict", "claims": len(y), "products": len(data), "encoder": encoder.version}
    )
    (HERE / "card.md").write_text(
        "# Decision\n\nA multinomial logistic regression over named signals of the documentation and of the wording, and one over the wording alone.\n\n"
        f"Fitted on {sum(int(d['full'].sum()) for d in data)} labelled claims of {len(data)} real products (and the same supported claims with their evidence "
        "taken away, as undocumented), each read by a reader that never saw its product. The wording model also learns from corpora/bench.\n\n"
        "Leave one product out, mean over products; `removed` is the AUC of the same supported claims with and without their documents:\n\n```\n"
        + "\n".join(report)
        + "\n```\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
