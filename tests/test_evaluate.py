"""Figures by hand."""

from __future__ import annotations

import importlib.util
import json

import pytest

from pipeline.evaluate import auc, balanced_accuracy, figures, hits, macro_f1, mean

GOLD = [
    {"id": "1", "verdict": "supported", "pair": "p1", "origin": "natural", "evidence": [{"doc": "docs/a.md", "quote": "exports run every night at two"}]},
    {"id": "2", "verdict": "contradicted", "pair": "p1", "origin": "natural", "evidence": [{"doc": "docs/a.md", "quote": "no export by hand"}]},
    {"id": "3", "verdict": "supported", "origin": "natural", "evidence": [{"doc": "docs/b.html", "quote": "five seats"}]},
    {"id": "4", "verdict": "external", "origin": "natural", "evidence": []},
]
SAID = {
    "1": {"id": "1", "verdict": "supported", "overpromise": 0.2, "evidence": [{"doc": "a.md", "quote": "Exports run every night at two."}],
          "candidates": [{"doc": "a.md", "quote": "x"}]},
    "2": {"id": "2", "verdict": "qualified", "overpromise": 0.7, "evidence": [], "candidates": [{"doc": "z.md", "quote": "x"}, {"doc": "a.md", "quote": "y"}]},
    "3": {"id": "3", "verdict": "undocumented", "overpromise": 0.7, "evidence": [], "candidates": []},
}


def test_auc_counts_ties_half() -> None:
    assert auc([(True, 0.7), (False, 0.2), (False, 0.7)]) == 0.75
    assert auc([(True, 0.5)]) is None


def test_figures_of_four_claims() -> None:
    got = figures(GOLD, SAID)
    assert got["accuracy"] == 0.25
    assert got["overpromise_bacc"] == 0.75
    assert got["overpromise_auc"] == 0.75
    assert got["pair_accuracy"] == 1.0
    assert got["false_alarm_rate"] == 0.5
    assert got["doc_recall_5"] == pytest.approx(0.6667)
    assert got["evidence_quote_recall"] == pytest.approx(0.3333)


def test_missing_answers_count_as_wrong() -> None:
    assert figures(GOLD, {})["accuracy"] == 0.0
    assert balanced_accuracy([("supported", "missing"), ("contradicted", "missing")]) == 0.0
    assert macro_f1([]) == 0.0


def test_hits_need_the_document_and_half_of_the_words() -> None:
    assert hits(GOLD[0]["evidence"], {"doc": "https://x.example/docs/a", "quote": "exports every night"}) == (True, True)
    assert hits(GOLD[0]["evidence"], {"doc": "b.md", "quote": "exports run every night at two"}) == (False, False)


def test_mean_leaves_none_out() -> None:
    assert mean([{"claims": 2, "a": 1.0, "b": None}, {"claims": 3, "a": 0.0, "b": 0.5}]) == {"a": 0.5, "b": 0.5, "claims": 5}


def test_agrees_with_the_outside_scorer(shared, tmp_path) -> None:
    spec = importlib.util.spec_from_file_location("score", shared / "bench" / "score.py")
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    gold, out = tmp_path / "gold.jsonl", tmp_path / "out.jsonl"
    gold.write_text("".join(json.dumps({**r, "types": []}) + "\n" for r in GOLD))
    out.write_text("".join(json.dumps(r) + "\n" for r in SAID.values()))
    theirs, ours = score.score_claims(gold, out), figures(GOLD, SAID)
    for mine, other in (("accuracy", "accuracy"), ("macro_f1", "macro_f1"), ("overpromise_bacc", "overpromise_bacc"), ("overpromise_auc", "overpromise_auc"),
                        ("pair_accuracy", "pair_accuracy"), ("false_alarm_rate", "false_alarm_rate"), ("evidence_quote_recall", "evidence_quote_recall")):
        assert ours[mine] == pytest.approx(theirs[other], abs=1e-4), mine
