"""Documentation to passages, plan ladders and facets."""

from __future__ import annotations

import re

from pipeline.capabilities import WINDOW, passages, plan_ladder, restrictions, row_reading
from pipeline.documents import read_markdown
from pipeline.page import read_html
from pipeline.records import Status

DOC = """# Plans and limits

| Feature | Free | Team | Business |
|---|---|---|---|
| SSO | - | - | ✓ |
| Seats | 5 | 50 | unlimited |

## Exports

Reports can be exported as **CSV**:

- by hand
- on a schedule (Beta)

# Roadmap

Dark mode is planned for Q3.
"""


def fold(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_every_part_is_verbatim_and_keeps_its_place() -> None:
    page = read_markdown(DOC, "plans.md", verbatim=True)
    found = passages([page], ("free", "team", "business"))
    source = fold(DOC)
    for p in found:
        assert p.doc == "plans.md"
        for part in p.parts:
            assert part in source
    table = found[0]
    assert table.readings[1] == "SSO: Free = no; Team = no; Business = yes"
    export = next(p for p in found if "by hand" in p.text)
    assert "Exports" in export.context
    assert export.facets.status is Status.BETA
    roadmap = next(p for p in found if "Dark mode" in p.text)
    assert roadmap.facets.status is Status.PLANNED


def test_plan_ladder_comes_from_the_table_in_its_order() -> None:
    assert plan_ladder([read_markdown(DOC, "plans.md", verbatim=True)]) == ("free", "team", "business")
    prose = read_markdown("Search is on the Enterprise plan. The Starter plan has one seat. Enterprise plans get more.", "x.md", verbatim=True)
    assert plan_ladder([prose]) == ("starter", "enterprise")


def test_long_paragraphs_are_cut_at_sentences_and_stay_verbatim() -> None:
    text = " ".join(f"Sentence number {n} says that shifts are planned with care and exported every night." for n in range(30))
    page = read_html(f"<main><h1>Long</h1><p>{text}</p></main>", "long.html")
    found = passages([page], ())
    assert len(found) > 3
    for p in found:
        assert all(part in text for part in p.parts)
        assert len(p.text.split()) <= WINDOW * 1.4


def test_navigation_is_no_documentation() -> None:
    page = read_html("<nav><p>Menu of everything</p></nav><main><p>Real text stands here.</p></main><footer><p>Imprint</p></footer>", "a.html")
    assert [p.text for p in passages([page], ())] == ["Real text stands here."]


def test_row_without_columns_is_read_plainly() -> None:
    page = read_html("<main><table><tr><td>SSO</td><td>yes</td></tr></table></main>", "a.html")
    assert row_reading(page.blocks[0]) == "SSO | yes"


def test_restrictions_are_single_sentences_that_stand_verbatim_in_their_document() -> None:
    text = "# Sync\n\nFiles sync in seconds. **Photos** sync on [Android](a.md) only. Caching is disabled by default.\n\n| Plan | Free | Pro |\n|---|---|---|\n| Sync | no | yes |"
    found = passages([read_markdown(text, "sync.md", verbatim=True)], ("free", "pro"))
    narrow = restrictions(found)
    assert [p.text for p in narrow] == ["Photos sync on Android only.", "Caching is disabled by default."]
    assert all(fold(p.parts[0]) in fold(text) for p in narrow)
    assert narrow[0].heading_path == ("Sync",)
