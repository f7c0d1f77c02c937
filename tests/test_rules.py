"""Every rule fires on its own examples and stays silent on its counter-examples."""

from __future__ import annotations

import pytest

from pipeline import rules

FILES = sorted(p.stem for p in rules.FOLDER.glob("*.yaml"))
ENTRIES = [(f, g, r) for f in FILES for g, s in rules.load(f).items() for r in s.rules]


@pytest.mark.parametrize(("file", "group", "rule"), ENTRIES, ids=[f"{f}-{r.id}" for f, _, r in ENTRIES])
def test_examples(file: str, group: str, rule: rules.Rule) -> None:
    for text in rule.fires:
        assert rule.pattern.search(text), f"{file}/{group}/{rule.id} must fire on: {text}"
    for text in rule.silent:
        assert not rule.pattern.search(text), f"{file}/{group}/{rule.id} must stay silent on: {text}"
    assert rule.why


def test_ids_are_unique_in_a_file() -> None:
    for file in FILES:
        ids = [r.id for s in rules.load(file).values() for r in s.rules]
        assert len(ids) == len(set(ids)), file


def test_no_rule_is_slow_on_hostile_text() -> None:
    """Catastrophic backtracking would let a page hang an audit."""
    import time

    for text in ("a" * 20000, " " * 20000, "not " * 5000, "up to 5 " * 2500, "(((" * 5000):
        for file, _, rule in ENTRIES:
            began = time.perf_counter()
            rule.pattern.search(text)
            assert time.perf_counter() - began < 1.0, f"{file}/{rule.id}"
