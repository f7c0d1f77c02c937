"""How right the verdicts are: on the test products of corpora/bench anywhere, and on gold products where present.

    saysdoes bench accuracy [--products a,b] [--gold DIR --sites DIR] [--gate] [--update [--allow-regression]]

Test products of corpora/bench were never trained on. Gold products were (the decision is fitted on them); what the models give on products
that they never saw stands in the model cards, by leave one product out. `--gate` compares with the floors in corpora/floors.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

from pipeline.audit import Auditor
from pipeline.claims import types_of
from pipeline.config import Config
from pipeline.evaluate import figures, mean
from pipeline.records import Claim, Judgement
from pipeline.sources import read_places

CORPORA = pathlib.Path(__file__).resolve().parent.parent.parent / "corpora"
FLOORS = CORPORA / "floors.json"
GATED = ("overpromise_auc", "overpromise_bacc", "pair_accuracy", "macro_f1", "doc_recall_10", "evidence_quote_recall")
NOISE = 0.005  # figures may sink by this much before the gate closes: other processors round differently


def answer(judgement: Judgement) -> dict[str, Any]:
    """The fields of a judgement that figures need."""
    return {
        "verdict": judgement.verdict.value,
        "overpromise": judgement.overpromise,
        "evidence": [{"doc": e.doc, "quote": e.quote} for e in judgement.evidence],
        "candidates": [{"doc": c.doc, "quote": c.quote} for c in judgement.candidates],
    }


def product_figures(name: str, docs: pathlib.Path, claims: pathlib.Path, config: Config) -> dict[str, Any]:
    """Figures of one product, and the milliseconds that a claim took (documentation indexed before)."""
    gold = [json.loads(line) for line in claims.read_text(encoding="utf-8").splitlines() if line.strip()]
    documents = read_places(
        [str(docs)], verbatim=True, what="Documentation", fetch=lambda _: ([], []), stdin=lambda: b""
    )
    auditor = Auditor(config, documents.pages)
    items = [Claim(id=r["id"], text=r["claim"], types=types_of(r["claim"]), end=len(r["claim"])) for r in gold]
    began = time.perf_counter()
    judged = auditor.judge_claims(items)
    spent = (time.perf_counter() - began) / max(1, len(items)) * 1000
    return {**figures(gold, {j.claim.id: answer(j) for j in judged}), "ms_per_claim": round(spent, 1), "product": name}


def fingerprint(names: Sequence[str]) -> str:
    """SHA-256 over the claims and documents of the gated products: floors hold for these bytes only."""
    digest = hashlib.sha256()
    for name in sorted(names):
        folder = CORPORA / "bench" / name
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and (p.parent.name != "site")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return "sha256:" + digest.hexdigest()


def check_floors(floors: dict[str, Any], got: dict[str, Any], corpus: str) -> list[str]:
    """What is wrong: figures under their floor by more than NOISE, or another corpus than the floors were set on."""
    faults = []
    if floors["corpus"] != corpus:
        faults.append(
            "corpora/bench changed since the floors were set: look at the figures, then set them anew with --update."
        )
    for key, low in floors["floors"].items():
        if got.get(key) is None or got[key] < low - NOISE:
            faults.append(f"{key} is {got.get(key)}, the floor is {low}.")
    return faults


def main(argv: Sequence[str], config: Config) -> int:
    """Prints a table and the mean; returns 0, or 1 when the gate is closed."""
    parser = argparse.ArgumentParser(prog="saysdoes bench accuracy")
    parser.add_argument("--products", default="", help="comma separated; default: the test products")
    parser.add_argument("--gold", type=pathlib.Path)
    parser.add_argument("--sites", type=pathlib.Path)
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--allow-regression", action="store_true")
    args = parser.parse_args(list(argv))
    jobs = []
    bench = CORPORA / "bench"
    test = sorted(
        p.parent.name
        for p in bench.glob("*/product.json")
        if json.loads(p.read_text(encoding="utf-8")).get("split") == "test"
    )
    names = [n for n in args.products.split(",") if n] or test
    jobs += [(n, bench / n / "docs", bench / n / "claims.jsonl") for n in names]
    if args.gold and args.sites:
        jobs = [
            (d.name, args.sites / d.name / "docs", d / "claims.jsonl")
            for d in sorted(args.gold.iterdir())
            if (d / "claims.jsonl").exists()
        ]
    rows = []
    for name, docs, claims in jobs:
        row = product_figures(name, docs, claims, config)
        rows.append(row)
        sys.stdout.write(
            f"{name:14s} "
            + " ".join(f"{k} {row[k]}" for k in (*GATED, "false_alarm_rate", "natural_auc", "ms_per_claim"))
            + "\n"
        )
        sys.stdout.flush()
    total = mean([{k: v for k, v in r.items() if k != "product"} for r in rows])
    sys.stdout.write("mean " + json.dumps(total) + "\n")
    if not (args.gate or args.update):
        return 0
    corpus = fingerprint(names)
    if args.update:
        floors = {k: total[k] for k in GATED}
        if FLOORS.exists() and not args.allow_regression:
            known = json.loads(FLOORS.read_text(encoding="utf-8"))["floors"]
            sunk = [k for k in GATED if floors[k] < known.get(k, 0.0)]
            if sunk:
                sys.stdout.write(f"Floors would sink: {', '.join(sunk)}. If that is meant, add --allow-regression.\n")
                return 1
        FLOORS.write_text(
            json.dumps({"products": names, "corpus": corpus, "floors": floors}, indent=1) + "\n", encoding="utf-8"
        )
        sys.stdout.write(f"Floors written to {FLOORS}\n")
        return 0
    faults = check_floors(json.loads(FLOORS.read_text(encoding="utf-8")), total, corpus)
    sys.stdout.write("".join(f"GATE: {f}\n" for f in faults) or "gate open\n")
    return 1 if faults else 0
