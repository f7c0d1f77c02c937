"""Hostile text through workbook, CSV, SARIF, PDF and a baseline, read back as their readers do: no formula, no script, words intact."""

from __future__ import annotations

import csv
import io
import json
import pathlib

import pytest
from sample_audit import all_together
from test_report import OWN, suite

from pipeline import report
from pipeline.report.hostile import shown
from pipeline.report.tables import CELL_LIMIT, csv_text, xlsx_bytes

# Each text is read back from some thirty cells.
MOST = 150


def texts_of(name: str) -> list[str]:
    texts = OWN if name == "own" else suite(name)
    if not texts:
        pytest.skip(f"the suite of hostile text {name!r} is not beside this checkout")
    return texts[:: max(1, len(texts) // MOST)][:MOST]


@pytest.mark.parametrize("name", ["own", "csv", "xss", "strings"])
def test_workbook_holds_words_and_no_formula(name: str) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    texts = texts_of(name)
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(all_together(texts))))
    cells = [c for sheet in book for row in sheet.iter_rows(min_row=2) for c in row]
    assert not [c for c in cells if c.data_type == "f" or c.hyperlink]
    rows = list(book["Claims"].iter_rows(min_row=2, values_only=True))
    columns = [c.value for c in book["Claims"][1]]
    for text, row in zip(texts, rows, strict=True):
        wanted = shown(text)
        if len(wanted) > CELL_LIMIT:
            wanted = wanted[: CELL_LIMIT - 1] + "…"
        # XML has one kind of line end; a reader of a workbook gets that.
        assert (row[columns.index("claim")] or "") == wanted.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("name", ["own", "csv", "xss", "strings"])
def test_csv_holds_words_and_no_formula(name: str) -> None:
    texts = texts_of(name)
    rows = list(csv.DictReader(io.StringIO(csv_text(all_together(texts)).removeprefix("\ufeff"))))
    assert len(rows) == len(texts)
    for text, row in zip(texts, rows, strict=True):
        assert row["claim"] in {shown(text), "'" + shown(text)}
        for cell in row.values():
            assert cell.lstrip()[:1] not in {"=", "+", "@", "-", "|", "%"} or cell.replace(".", "", 1).lstrip("-").isdigit()


@pytest.mark.parametrize("name", ["own", "csv", "xss", "strings"])
def test_sarif_baseline_and_lines_are_whole(name: str, tmp_path: pathlib.Path) -> None:
    texts = texts_of(name)
    audit = all_together(texts)
    report.write_sarif(audit, tmp_path / "a.sarif", set())
    results = json.loads((tmp_path / "a.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert len(results) == len(texts)
    assert all("\n" not in r["message"]["text"] and r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].isascii() for r in results)
    report.write_baseline(audit, tmp_path / "b.json")
    found = report.compare(audit, report.read_baseline(tmp_path / "b.json"))
    assert found.new == () and found.known == len(texts)
    assert len(report.new_lines(report.compare(audit, []).new).splitlines()) == len(texts)
    assert len(report.github(audit).splitlines()) == len(texts)


def test_pdf_holds_words_no_script_no_file_and_only_web_links(tmp_path: pathlib.Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("weasyprint")
    texts = [t for t in OWN if t.strip() and len(t) < 1000]
    report.write_pdf(all_together(texts), tmp_path / "a.pdf")
    reader = pypdf.PdfReader(tmp_path / "a.pdf")
    # Glyph by glyph, as some readers give it back; what is tried is that each one is there, in order.
    said = "".join("".join(p.extract_text().replace("\0", "").split()) for p in reader.pages)
    for text in texts:
        plain = "".join(text.split())
        if plain.isascii() and plain.isprintable():
            assert plain in said, text
    root = reader.trailer["/Root"]
    assert "/OpenAction" not in root and "/AA" not in root and "/AcroForm" not in root
    names = root.get("/Names", {})
    assert "/JavaScript" not in names and "/EmbeddedFiles" not in names
    links = [a.get_object()["/A"] for p in reader.pages for a in p.get("/Annots", []) if "/A" in a.get_object()]
    assert all(a["/S"] == "/URI" and str(a["/URI"]).startswith(("http://", "https://")) for a in links)
