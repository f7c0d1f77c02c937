"""Files, folders and pasted text; what cannot be read is a Problem with a remedy."""

from __future__ import annotations

import pathlib

import pytest

from pipeline.errors import UsageError
from pipeline.records import Fetched
from pipeline.sources import read_places

GERMAN = "<main><p>" + "Die Schichtplanung für Kliniken und Restaurants wird mit diesem Werkzeug endlich einfach und übersichtlich gestaltet. " * 5 + "</p></main>"


def read(*places: str, stdin: bytes = b"", fetch=lambda urls: ([], [])):
    return read_places(list(places), verbatim=False, what="Target", fetch=fetch, stdin=lambda: stdin)


def test_folder_in_path_order_without_assets(tmp_path: pathlib.Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.md").write_text("# Two\n\nText two.")
    (tmp_path / "a.html").write_text("<main><p>Text one.</p></main>")
    (tmp_path / "style.css").write_text("p{}")
    (tmp_path / "robots.txt").write_text("User-agent: *")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.md").write_text("secret")
    got = read(str(tmp_path))
    assert [p.source for p in got.pages] == ["a.html", "b/two.md"]
    assert got.problems == ()


def test_each_fault_is_a_problem_with_place_and_remedy(tmp_path: pathlib.Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"no pdf")
    (tmp_path / "empty.html").write_text("<html><body><nav>x</nav></body></html>")
    (tmp_path / "german.html").write_text(GERMAN)
    (tmp_path / "good.html").write_text("<main><p>Good text.</p></main>")
    got = read(str(tmp_path))
    assert [p.source for p in got.pages] == ["good.html"]
    assert {p.where: p.kind for p in got.problems} == {"bad.pdf": "unreadable", "empty.html": "empty", "german.html": "language"}
    assert all(p.message.count(":") >= 1 for p in got.problems)


def test_absent_path_and_empty_folder_end_the_command(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="holds no HTML"):
        read(str(tmp_path))


def test_pasted_text_and_urls(tmp_path: pathlib.Path) -> None:
    page = Fetched(url="https://a.example/x", final_url="https://a.example/x", status=200, headers={"content-type": "text/html"},
                   body=b"<main><p>From the web.</p></main>", fetched_at="")
    got = read("-", "https://a.example/x", stdin=b"# Hello\n\nPasted copy.", fetch=lambda urls: ([page], []))
    assert [p.source for p in got.pages] == ["pasted text", "https://a.example/x"]


def test_same_name_from_two_folders_stays_apart(tmp_path: pathlib.Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.md").write_text(f"Text of {folder}.")
    got = read(str(tmp_path / "one"), str(tmp_path / "two"))
    assert [p.source for p in got.pages] == ["a.md", "two/a.md"]
