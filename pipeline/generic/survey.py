"""Everything that this room says of one page, and of the pages of a site beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.embed import Encoder
from pipeline.generality import Clone, PageCopy
from pipeline.generic.clones import near_clones
from pipeline.generic.kinds import compare_with_kind, page_kind
from pipeline.generic.share import generic_share
from pipeline.generic.specific import make_specific
from pipeline.generic.stuffing import keyword_stuffing
from pipeline.generic.topics import page_topics
from pipeline.match import Index
from pipeline.records import BlockKind, Page, Sentence

# What a writer does not rewrite: calls to action, what a customer said, and text of pictures.
KEPT = frozenset({BlockKind.BUTTON, BlockKind.QUOTE, BlockKind.ALT})


def page_copy(
    page: Page, sentences: Sequence[Sentence], index: Index, encoder: Encoder, *, min_words: int = 60
) -> PageCopy:
    """What can be said of a page alone; `sentences` are judged."""
    return PageCopy(
        kind=page_kind(page),
        share=generic_share(sentences, min_words=min_words),
        stuffing=keyword_stuffing(page),
        replacements=make_specific(
            sentences, index, encoder, kept={s.text for s in sentences if page.blocks[s.block].kind in KEPT}
        ),
    )


def compare_pages(
    pages: Sequence[tuple[Page, Sequence[Sentence], PageCopy]], index: Index, encoder: Encoder
) -> tuple[list[PageCopy], tuple[Clone, ...]]:
    """The same PageCopies, in order, with the usual share of their kind and their topic beside the rest of the site; and the near-clones.

    Nothing is compared on a site of one page.
    """
    if len(pages) < 2:
        return [copy for _, _, copy in pages], ()
    usual = {
        d.source: d
        for d in compare_with_kind(
            {page.source: copy.share.value for page, _, copy in pages},
            {page.source: copy.kind for page, _, copy in pages},
        )
    }
    topics = {t.source: t for t in page_topics({page.source: said for page, said, _ in pages}, index, encoder)}
    out = [replace(copy, usual=usual.get(page.source), topic=topics.get(page.source)) for page, _, copy in pages]
    return out, near_clones([page for page, _, _ in pages])
