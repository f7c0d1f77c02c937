"""Pages whose topic the documentation does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.embed import Encoder
from pipeline.generality import PageTopic
from pipeline.generic.specific import nearest
from pipeline.match import Index
from pipeline.records import Sentence


def page_topics(
    pages: Mapping[str, Sequence[Sentence]],
    index: Index,
    encoder: Encoder,
    *,
    deviations: float = 3.0,
    min_words: int = 60,
) -> tuple[PageTopic, ...]:
    """One PageTopic a page, farthest from the docs first; pages with too little text have `similarity` None and are never `unknown`."""
    found: dict[str, tuple[float | None, tuple[str, ...]]] = {}
    for source, sentences in pages.items():
        texts = list(dict.fromkeys(s.text for s in sentences if len(s.text.split()) >= 4))
        weight = np.array([len(t.split()) for t in texts], dtype=np.float64)
        if weight.sum() < min_words:
            found[source] = (None, ())
            continue
        near = nearest(texts, index, encoder).astype(np.float64)
        far = tuple(texts[i] for i in np.argsort(near, kind="stable")[:3])
        found[source] = (float(near @ weight / weight.sum()), far)
    known = [s for s, _ in found.values() if s is not None]
    usual = float(np.median(known)) if known else 0.0
    spread = max(0.02, 1.4826 * float(np.median(np.abs(np.array(known) - usual)))) if known else 1.0
    out = []
    for source, (similarity, far) in found.items():
        below = 0.0 if similarity is None else (usual - similarity) / spread
        out.append(
            PageTopic(
                source=source,
                similarity=None if similarity is None else round(similarity, 4),
                deviations=round(below, 2),
                unknown=similarity is not None and below >= deviations,
                farthest=far,
            )
        )
    return tuple(sorted(out, key=lambda t: (-t.deviations, t.source)))
