"""Numbers with unit, bound and period."""

from __future__ import annotations

import math

import pytest

from pipeline.verify.quantity import agreement, compare, quantities


def one(text: str):
    return quantities(text)[0]


@pytest.mark.parametrize(
    ("text", "value", "unit", "bound", "period"),
    [
        ("up to 50 GB a month", 50e9, "bytes", "max", "month"),
        ("keeps logs for 90 days", 90 * 86400, "seconds", "", ""),
        ("99.9% uptime", 99.9, "percent", "", ""),
        ("at least 3 regions", 3, "region", "min", ""),
        ("1M events", 1e6, "event", "", ""),
        ("unlimited projects", math.inf, "project", "", ""),
        ("no limit on the number of users", math.inf, "user", "", ""),
        ("twelve plans", 12, "plan", "", ""),
    ],
)
def test_reading(text: str, value: float, unit: str, bound: str, period: str) -> None:
    q = one(text)
    assert (q.value, q.unit, q.bound, q.period) == (value, unit, bound, period)


@pytest.mark.parametrize(
    ("claim", "docs", "outcome"),
    [
        ("logs for 90 days", "kept for 30 days", "conflict"),
        ("logs for 1 week", "kept for 7 days", "equal"),
        ("unlimited projects", "up to 5 projects", "conflict"),
        ("5 projects", "unlimited projects", "within"),
        ("20 seats", "up to 25 seats", "within"),
        ("up to 50 seats", "up to 25 seats", "conflict"),
        ("50 GB", "50 seats", ""),
        ("10 GB a day", "10 GB a month", ""),
        ("a string of up to 20,000 bytes", "at most 2,000 bytes", "conflict"),
        ("up to 5,000 characters", "Only the first 2000 characters are sent", "conflict"),
        ("99.95 percent availability", "a 99.5%-uptime guarantee", "conflict"),
        ("jobs run for up to 8 hours", "capable of running up to 4 hours", "conflict"),
        ("replies within 8 hours", "replies within 4 hours", "within"),
        ("now with 3 concurrent jobs", "1 concurrent job on Free", "conflict"),
        ("35,000 data center IP ranges are filtered", "approximately 32,000 known data center IP ranges", "conflict"),
        ("20,000 GraphQL complexity points every hour", "5,000 complexity points per hour", "conflict"),
        ("three minutes", "for three consecutive minutes", "equal"),
        ("60 calls a minute", "30 requests per minute", "conflict"),
    ],
)
def test_compare(claim: str, docs: str, outcome: str) -> None:
    assert compare(one(claim), one(docs)) == outcome


def test_versions_years_and_standards_are_no_quantities() -> None:
    for text in ("since version 3", "in 2024", "SOC 2 report", "ISO 27001", "OAuth 2", "AES-256"):
        assert quantities(text) == (), text


def test_agreement_counts_each_quantity_once() -> None:
    assert agreement(quantities("5 seats and 10 GB"), quantities("5 seats, 20 GB")) == (1, 0, 1)


def test_what_is_counted_is_said_once_in_a_list() -> None:
    found = quantities("For Free it's 1 concurrent job, for Premium it's 2.")
    assert [(q.value, q.unit) for q in found] == [(1, "job"), (2, "job")]
    assert agreement(quantities("Premium comes with 2 concurrent jobs."), found) == (1, 0, 0)
