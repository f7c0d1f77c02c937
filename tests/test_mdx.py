"""MDX as copy: what a reader sees is read, imports, expressions and tags are not, and lines keep their numbers."""

from __future__ import annotations

import time

import hypothesis
import hypothesis.strategies
import pytest

from pipeline.documents import read_markdown
from pipeline.mdx import is_mdx, read_mdx
from pipeline.records import Page

PAGE = """---
title: Shifts that plan themselves
---
import { Card,
  CardGrid } from "@site/components";
import Hero from '../hero'

export const meta = {
  pitch: "Ten times faster",
};

<Hero title="Plan a week in minutes" icon="rocket"
  cta={"Start free"} onClick={() => { if (a > b) { go(); } }}>

Every report can be **exported** as {props.format ?? "CSV"} today.

</Hero>

{/* Marketing: never print this sentence. */}

<CardGrid>
    <Card heading='Offline clock-in' href="/x">
      Clock in without a network, up to <Limit value={30}/> days.
    </Card>
</CardGrid>

Use `<Card title="x">` or {"`"}.

```jsx
<Card title="Code is no copy" />
```

export your data whenever you like.

Works on <b>iPhone</b> and 3 < 4.
"""


def texts(page: Page) -> list[str]:
    return [b.text for b in page.blocks if b.kind.value != "code"]


def test_copy_holds_what_readers_see() -> None:
    page = read_markdown(PAGE, "shifts.mdx", verbatim=False)
    assert texts(page) == [
        "Shifts that plan themselves", "Plan a week in minutes", "Start free", "Every report can be exported as today.", "Offline clock-in",
        "Clock in without a network, up to days.", "Use <Card title=\"x\"> or .", "export your data whenever you like.", "Works on iPhone and 3 < 4.",
    ]  # fmt: skip
    lines = PAGE.split("\n")
    for block in page.blocks[1:]:
        number = int(block.selector.removeprefix("line "))
        assert block.text.split()[0] in lines[number - 1] or block.kind.value == "code", (block.selector, block.text)


def test_documentation_stays_verbatim() -> None:
    source = " ".join(PAGE.split())
    page = read_markdown(PAGE, "shifts.mdx", verbatim=True)
    for block in page.blocks:
        assert block.text in source
    readings = [b.reading for b in page.blocks]
    assert not [r for r in readings if "never print" in r or "import" in r or "pitch" in r]
    assert "Clock in without a network, up to days." in readings


@pytest.mark.parametrize("text", ["<Card title=", "{" * 500, "<A " + "{" * 300 + "}" * 200, "`" * 99, "<" * 5000, "export default {\n\n\nx", "", "\\", "{`${a}`}", "<A b='>'/>"])
def test_broken_mdx_keeps_its_lines_and_ends(text: str) -> None:
    assert read_mdx(text).text.count("\n") == text.count("\n")
    read_markdown(text, "a.mdx", verbatim=False)


@pytest.mark.parametrize("piece", ["<A ", "{", "`", "``` x `", "<A b=\"", "<", "a {b} <C/> `d`\n", "export const x = {\n", "<A b={`"])
def test_hostile_mdx_is_read_in_a_moment(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    assert read_mdx(text).text.count("\n") == text.count("\n")
    assert time.process_time() - began < 5


@hypothesis.given(hypothesis.strategies.text(alphabet="<>{}`\"'=/\\\nAb import", max_size=200))
def test_any_mdx_keeps_its_lines_and_words_outside_markup(text: str) -> None:
    made = read_mdx(text)
    assert len(made.text) == len(text) and made.text.count("\n") == text.count("\n")
    assert all(a == b or b in " " for a, b in zip(text, made.text, strict=True))


def test_plain_markdown_is_no_mdx() -> None:
    assert not is_mdx("Export reports as CSV.\nimport your data", "a.md") and not is_mdx("import your data as CSV", "a.md")
    assert is_mdx("\nimport X from 'x'\n", "a.md") and is_mdx("", "a.mdx")
    assert texts(read_markdown("Hello {name}, see <Card> here.", "a.md", verbatim=False)) == ["Hello {name}, see here."]


def test_frames_of_site_makers_are_no_copy() -> None:
    source = ":::tip Good to know\n\nWorks offline.\n\n:::\n\n::: warning\nBeta only.\n:::\n\n:::note[Limits]{#x}\nUp to 5 seats.\n:::\n"
    assert texts(read_markdown(source, "a.md", verbatim=False)) == ["Good to know", "Works offline.", "Beta only.", "Limits Up to 5 seats."]
