"""Drift: alignment, strength, baseline comparison, sections under one false-discovery rate, nightly series, share of voice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_generic import WordEncoder, documentation, sentence

from pipeline.drift import (
    ChangeKind,
    Night,
    Snapshot,
    align,
    compare_page,
    compare_sections,
    share_of_voice,
    topic_shift,
    watch,
)
from pipeline.drift.strength import strength_change

ENCODER = WordEncoder()


def snapshot(scores, instrument: str = "m1", tag: str = "old") -> Snapshot:
    return Snapshot(
        source="p",
        instrument=instrument,
        sentences=tuple(
            sentence(f"{tag} unique{i} words{i} about thing{i} number{i} here", g) for i, g in enumerate(scores)
        ),
    )


def test_alignment_pairs_by_wording_then_by_meaning() -> None:
    old = [sentence("Keep logs for 30 days."), sentence("Talk to us"), sentence("Gone for good today")]
    new = [sentence("talk to us!"), sentence("Keep logs for 90 days."), sentence("Rabbits eat carrots")]
    same, reworded, removed, added = align(old, new, ENCODER)
    assert (same, reworded, removed, added) == ([(1, 0)], [(0, 1)], [2], [2])


@pytest.mark.parametrize(
    ("old", "new", "sign"),
    [
        ("Builds usually finish in a minute", "Builds always finish in a minute", 1),
        ("Keep logs for 30 days", "Keep logs for 90 days", 1),
        ("Answers in 50 ms", "Answers in 200 ms", -1),
        ("SSO is included", "SSO is included on the Business plan", -1),
        ("A fast engine", "A fast engine", 0),
    ],
)
def test_strength(old: str, new: str, sign: int) -> None:
    direction, why = strength_change(old, new)
    assert direction == sign and bool(why) == bool(sign)


def test_an_unchanged_page_cannot_drift() -> None:
    base = snapshot([0.3] * 30)
    drift = compare_page(base, replace(base, sentences=tuple(reversed(base.sentences))), ENCODER)
    assert drift.changes == () and drift.p == 1.0 and not drift.drifting


def test_creep_is_seen_against_the_baseline_and_named() -> None:
    base = snapshot([0.3 + 0.01 * i for i in range(30)])
    now = replace(base, sentences=base.sentences[12:] + snapshot([0.9] * 12, tag="new").sentences)
    drift = compare_page(base, now, ENCODER)
    assert drift.drifting and drift.rise is not None and drift.rise > 10
    assert all(set(c.kinds) & {ChangeKind.ADDED, ChangeKind.MADE_GENERIC} for c in drift.changes[:3])
    assert drift.changes[0].moved > 0


def test_additions_alone_are_compared_with_the_baseline() -> None:
    base = snapshot([0.2, 0.3] * 15)
    assert compare_page(
        base, replace(base, sentences=base.sentences + snapshot([0.95] * 12, tag="new").sentences), ENCODER
    ).drifting


def test_another_instrument_is_never_drift() -> None:
    drift = compare_page(snapshot([0.1] * 20), snapshot([0.9] * 20, instrument="m2", tag="new"), ENCODER)
    assert drift.instrument_changed and not drift.drifting and drift.rise is None


def test_little_text_is_not_tested() -> None:
    drift = compare_page(snapshot([0.1] * 4), snapshot([0.9] * 4, tag="new"), ENCODER)
    assert drift.note == "too little text" and drift.after is None


def test_sections_share_one_false_discovery_rate() -> None:
    rng = np.random.default_rng(3)
    sections = {}
    for number in range(40):
        base = snapshot(rng.uniform(0.2, 0.8, 20))
        now = replace(base, sentences=base.sentences[6:] + snapshot(rng.uniform(0.2, 0.8, 6), tag="new").sentences)
        sections[f"s{number}"] = [compare_page(base, now, ENCODER)]
    base = snapshot(rng.uniform(0.2, 0.5, 30))
    crept = replace(base, sentences=base.sentences[12:] + snapshot([0.9] * 12, tag="new").sentences)
    sections["crept"] = [compare_page(base, crept, ENCODER)] * 3
    found = [s.section for s in compare_sections(sections) if s.drifting]
    assert "crept" in found and len(found) <= 2


def nights(values, drifting=(), instrument: str = "m1") -> list[Night]:
    return [
        Night(date=f"{i:02d}", value=v, drifting=i in drifting, instrument=instrument) for i, v in enumerate(values)
    ]


def test_one_night_is_no_alarm_two_are() -> None:
    assert watch(nights([30.0] * 5, drifting={2})) == ()
    (alarm,) = watch(nights([30.0, 30.0, 36.0, 37.0, 38.0], drifting={2, 3, 4}))
    assert (alarm.since, alarm.confirmed, alarm.before) == ("02", "03", 30.0)


def test_a_slow_climb_is_found_without_a_baseline() -> None:
    flat = [30.0, 30.4, 29.8, 30.1, 29.9, 30.2, 30.0]
    assert watch(nights([*flat, *flat, *flat])) == ()
    assert len(watch(nights([*flat, *(31 + i for i in range(10))]))) == 1


def test_a_changed_instrument_starts_a_new_series() -> None:
    flat = nights([30.0] * 10)
    assert watch(flat + nights([60.0] * 10, instrument="m2")) == ()
    assert watch([*flat, *[replace(n, value=None) for n in flat]]) == (), "what was not measured raises nothing"


def test_share_of_voice_and_topic_shift() -> None:
    index = documentation()
    on = sentence("Vaults lock after ten idle minutes on Windows.")
    off = sentence("Gardeners water tomatoes at dawn before heat.")
    voices = share_of_voice({"a": [(on, 1.0), (off, 1.0)], "b": [(on, 0.5)]}, index, ENCODER)
    assert voices[0].capability == "Vaults" and voices[0].pages == 2 and 0.5 < voices[0].share < 0.7
    shift = topic_shift([on], [off], index, ENCODER)
    assert shift is not None and shift < 0
    assert topic_shift([], [off], index, ENCODER) is None
