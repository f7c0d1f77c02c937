"""JSON as people write it."""

from __future__ import annotations

import time

import pytest

from pipeline.handwritten import read_json


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ('{"a": "b"}', {"a": "b"}),
        ('{"a": "x // no comment, ]", // one\n "b": 1, /* two */ }', {"a": "x // no comment, ]", "b": 1}),
        ('//<![CDATA[\n{"url": "https://x.example/*y*/",}\n//]]>', {"url": "https://x.example/*y*/"}),
        ('<!-- {"a": [1, 2, ], } -->', {"a": [1, 2]}),
        ('{"a": "two\nlines and a \\"quote\\""}', {"a": 'two\nlines and a "quote"'}),
    ],
)
def test_what_is_meant_is_read(text: str, want: object) -> None:
    assert read_json(text) == want


@pytest.mark.parametrize("text", ['"' * 200_000 + "x", "/*" * 100_000, ",//\n" * 50_000, '\\"' * 100_000, ", " * 100_000, "{", ""])
def test_hostile_text_costs_no_time(text: str) -> None:
    began = time.process_time()
    with pytest.raises((ValueError, RecursionError)):
        read_json(text)
    assert time.process_time() - began < 2
