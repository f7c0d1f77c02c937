"""Where a sentence stands, and what readers said of the sentences nearest to it."""

from __future__ import annotations

import numpy as np
import pytest
from test_generic import sentence

from pipeline.generality import PageKind
from pipeline.records import Block, BlockKind
from pipeline.sentences import Labelled, likeness_columns, likeness_rows, place_columns, place_rows
from pipeline.sentences.model import packed, unpacked
from pipeline.sentences.place import PAGE_KINDS


def unit(*rows):
    out = np.array(rows, dtype=np.float32)
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def test_page_kinds_are_those_of_the_generic_room() -> None:
    assert set(PAGE_KINDS) == {k.value for k in PageKind}


def test_place_sees_page_kind_position_and_neighbours() -> None:
    kinds = [BlockKind.HEADING, BlockKind.LIST_ITEM, BlockKind.LIST_ITEM, BlockKind.PARAGRAPH]
    blocks = [Block(kind=k, text=f"text {i} of 9", selector="p", level=2 if not i else 0) for i, k in enumerate(kinds)]
    rows = place_rows([sentence(b.text) for b in blocks], blocks, "pricing")
    seen = [dict(zip(place_columns(), row, strict=True)) for row in rows]
    assert rows.shape == (4, len(set(place_columns())))
    assert all(s["page.pricing"] == 1 and s["page.home"] == 0 and s["page.digits"] == 1 for s in seen)
    assert [s["place"] for s in seen] == [0, 0.25, 0.5, 0.75]
    assert seen[1]["before.heading"] == 1 and seen[1]["after.item"] == 1 and seen[0]["level.2"] == 1
    assert place_rows([], []).shape[0] == 0


def test_likeness_follows_the_nearest_labels_and_leaves_out_the_own_product() -> None:
    vectors = unit(*([[1, 0.01 * i, 0] for i in range(12)] + [[0, 0, 1]] * 12))
    labelled = Labelled(
        vectors=vectors, generic=np.array([1.0] * 12 + [0.0] * 12), checkable=np.array([0.0] * 12 + [1.0] * 12),
        owner=["a"] * 12 + ["b"] * 12,
    )  # fmt: skip
    query = unit([1, 0, 0])
    seen = dict(zip(likeness_columns(), likeness_rows(query, labelled)[0], strict=True))
    assert seen["like.few.generic"] == pytest.approx(1.0) and seen["like.nearest"] == pytest.approx(1.0)
    assert 0.5 < seen["like.many.generic"] < 1.0
    without = dict(zip(likeness_columns(), likeness_rows(query, labelled, without="a")[0], strict=True))
    assert without["like.few.generic"] == pytest.approx(0.0)
    assert likeness_rows(query[:0], labelled).shape == (0, len(likeness_columns()))


def test_packed_vectors_stay_near_what_they_were() -> None:
    vectors = unit(*np.random.default_rng(1).normal(size=(20, 384)))
    again = unpacked(packed(vectors))
    assert float((vectors * again).sum(axis=1).min()) > 0.99
