"""Joins the second reader's blind labels to corpora/bench: keeps what both readers say, sets the rest aside.

    python corpora/agreement.py FOLDER     labels as FOLDER/<product>.labels.jsonl, rows {"id", "verdict"}
    python corpora/agreement.py            prints the agreement of what is in the repository

Rows on which the readers differ move to disputed.jsonl with both verdicts; agreement is counted over both files.
"""

from __future__ import annotations

import json
import pathlib
import sys
from collections import Counter

BENCH = pathlib.Path(__file__).resolve().parent / "bench"


def rows(path: pathlib.Path) -> list[dict]:
    return [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines() if x.strip()] if path.exists() else []


def write(path: pathlib.Path, items: list[dict]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in items), encoding="utf-8")


def join(folder: pathlib.Path) -> None:
    for product in sorted(p for p in BENCH.iterdir() if p.is_dir()):
        labels = {r["id"]: r["verdict"] for r in rows(folder / f"{product.name}.labels.jsonl")}
        if not labels or (product / "disputed.jsonl").exists():
            continue
        claims = rows(product / "claims.jsonl")
        lost = [r["id"] for r in claims if r["id"] not in labels]
        if lost:
            sys.exit(f"{product.name}: the second reader has no label for {lost[:5]}")
        write(product / "claims.jsonl", [r for r in claims if labels[r["id"]] == r["verdict"]])
        write(product / "disputed.jsonl", [{**r, "second": labels[r["id"]]} for r in claims if labels[r["id"]] != r["verdict"]])


def report() -> None:
    pairs: list[tuple[str, str]] = []
    for product in sorted(p for p in BENCH.iterdir() if (p / "disputed.jsonl").exists()):
        pairs += [(r["verdict"], r["verdict"]) for r in rows(product / "claims.jsonl")]
        pairs += [(r["verdict"], r["second"]) for r in rows(product / "disputed.jsonl")]
    n = len(pairs)
    same = sum(a == b for a, b in pairs) / n
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(first[v] * second[v] for v in first) / n**2
    print(f"{n} claims, agreement {same:.3f}, kappa {(same - chance) / (1 - chance):.3f}")
    for (a, b), count in Counter((a, b) for a, b in pairs if a != b).most_common(8):
        print(f"  first {a}, second {b}: {count}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        join(pathlib.Path(sys.argv[1]))
    report()
