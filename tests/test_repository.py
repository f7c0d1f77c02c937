"""Copy kept in a repository: only new findings fail, annotations name file and line, the hook's argument order works."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence

import pytest
import yaml
from sample_audit import sample

from pipeline import report
from pipeline.audit import Auditor
from pipeline.cli import main, parser
from pipeline.errors import UsageError
from pipeline.lines import in_files, line_in
from pipeline.records import OVERPROMISES, Audit, Claim, Judgement, Verdict

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def audit() -> Audit:
    return sample()


def test_a_baseline_knows_its_own_findings_and_only_those(audit: Audit, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "known.json"
    count = report.write_baseline(audit, file)
    rows = report.read_baseline(file)
    assert len(rows) == count == len({r["id"] for r in rows})
    first = file.read_bytes()
    report.write_baseline(audit, file)
    assert file.read_bytes() == first and len(first.splitlines()) == count + 2
    found = report.compare(audit, rows)
    total = sum(j.verdict in OVERPROMISES for p in audit.pages for j in p.judgements)
    assert found.new == () and found.known == total and found.gone == ()
    less = report.compare(audit, rows[1:])
    assert {j.claim.text for j, _ in less.new} == {rows[0]["claim"]}
    assert report.compare(audit, [*rows, {"id": "x", "claim": "Gone since"}]).gone == ("Gone since",)
    assert {j.verdict.value for j, _ in report.compare(audit, [], ["planned"]).new} == {"planned"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2, "findings": []}', '{"schema": 1, "findings": [{"id": 3}]}'])
def test_what_is_no_baseline_is_said(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(UsageError, match="is no baseline"):
        report.read_baseline(tmp_path / "b.json")
    with pytest.raises(UsageError, match="--write-baseline"):
        report.read_baseline(tmp_path / "none.json")


def test_sarif_and_annotations_know_the_baseline_and_the_line(audit: Audit) -> None:
    paths = {p.page.source: str(ROOT / "corpora/demo/site" / p.page.source.removeprefix("http://localhost:8000/")) for p in audit.pages}
    where = in_files(paths)
    some = next(f for f in report.compare(audit, []).new)
    ids = {report.finding_id(some[0])}
    results = report.sarif(audit, ids, where)["runs"][0]["results"]
    assert {r["baselineState"] for r in results} == {"new", "unchanged"}
    assert "baselineState" not in report.sarif(audit)["runs"][0]["results"][0]
    assert len({r["partialFingerprints"]["finding/v1"] for r in results}) == len(results)
    lines = [r for r in results if "region" in r["locations"][0]["physicalLocation"]]
    assert len(lines) >= 0.9 * len(results)
    for result in lines:
        spot = result["locations"][0]["physicalLocation"]
        source = next(p for p in paths.values() if p.endswith(spot["artifactLocation"]["uri"]))
        line = pathlib.Path(source).read_text(encoding="utf-8").split("\n")[spot["region"]["startLine"] - 1]
        assert spot["region"]["snippet"]["text"].split()[0] in line
    shown = report.github(audit, ids, where)
    assert len(shown.splitlines()) == len(results) - 1 and ",line=" in shown


def test_lines_are_found_through_markup() -> None:
    text = "<p>\n  Export <b>every</b>\n  report &amp; chart.</p>"
    assert line_in(text, "Export every report & chart.") == 2
    assert line_in(text, "not there") == 0 and line_in(text, "") == 0


def test_targets_may_follow_the_options_of_a_hook() -> None:
    args = parser().parse_args(["audit", "--docs=docs", "--docs=CHANGELOG.md", "--baseline=b.json", "copy/a.md", "copy/b.mdx"])
    assert args.docs == ["docs", "CHANGELOG.md"] and args.targets == ["copy/a.md", "copy/b.mdx"]


def test_only_new_findings_fail_end_to_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def contradicted(_: Auditor, claims: Sequence[Claim], **__: object) -> tuple[Judgement, ...]:
        return tuple(Judgement(claim=c, verdict=Verdict.CONTRADICTED, confidence=0.9, overpromise=0.9, condition=None, evidence=(), candidates=(),
                               why="Not so.", remedy=None, risk=50.0) for c in claims)

    # Which verdict the models give is not what is tried here.
    monkeypatch.setattr(Auditor, "judge_claims", contradicted)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "export.md").write_text("# Export\n\nReports can be exported as CSV only. Exports are not encrypted.\n")
    (tmp_path / "docs" / "sso.md").write_text("# Single sign-on\n\n> **Note** Single sign-on is available on the Business plan only.\n")
    (tmp_path / "copy").mkdir()
    page = tmp_path / "copy" / "landing.mdx"
    page.write_text("import X from 'x'\n\n# Shiftly\n\nSingle sign-on with Okta is included in every plan.\n")
    (tmp_path / "c.yaml").write_text(f"cache: {tmp_path / 'cache'}\n")
    base = ["audit", "--docs=docs", "--config=c.yaml", "--json=a.json"]
    assert main([*base, "copy/landing.mdx"]) == 1
    assert main([*base, "--write-baseline=known.json", "copy/landing.mdx"]) == 0
    assert "import" not in (tmp_path / "a.json").read_text()
    capsys.readouterr()
    assert main([*base, "--baseline=known.json", "copy/landing.mdx"]) == 0
    assert "0 new findings" in capsys.readouterr().out
    page.write_text(page.read_text() + "\nExport every report as CSV or PDF.\n")
    assert main([*base, "--baseline=known.json", "--github", "--sarif=a.sarif", "copy/landing.mdx"]) == 1
    out = capsys.readouterr().out
    assert "copy/landing.mdx:7: " in out and "file=copy/landing.mdx,line=7" in out and "Okta" not in out
    results = json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"]
    assert {r["baselineState"] for r in results} == {"new", "unchanged"}
    assert main([*base, "--baseline=missing.json", "copy/landing.mdx"]) == 2


def test_every_model_file_and_setting_is_installed_with_the_package() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["data-files"]
    taken = {p.relative_to(ROOT).as_posix() for globs in data.values() for g in globs for p in ROOT.glob(g)}
    wanted = {p.relative_to(ROOT).as_posix() for p in (ROOT / "configs").rglob("*.yaml")}
    for manifest in (ROOT / "models").glob("*/manifest.json"):
        folder = manifest.parent.relative_to(ROOT).as_posix()
        wanted |= {f"{folder}/manifest.json"} | {f"{folder}/{name}" for name in json.loads(manifest.read_text(encoding="utf-8"))["files"]}
    assert wanted <= taken, f"add to data-files in pyproject.toml: {sorted(wanted - taken)}"
    for place, globs in data.items():
        assert all(place == "share/saysdoes/" + g.rsplit("/", 1)[0] for g in globs)


def test_hook_action_and_their_guide_name_options_that_exist() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    workflow = (ROOT / "examples" / "github-workflow.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(workflow)["jobs"] and action["runs"]["using"] == "composite"
    known = set(re.findall(r"--[a-z-]+", subprocess.run([sys.executable, str(ROOT / "run.py"), "audit", "--help"], capture_output=True, text=True, check=True).stdout))
    guide = (ROOT / "docs" / "repo-copy.md").read_text(encoding="utf-8")
    steps = " ".join(re.findall(r'"(--[a-z-]+)', action["runs"]["steps"][-1]["run"]))
    assert "--baseline" in steps
    for text in (hooks[0]["entry"], steps, guide):
        assert set(re.findall(r"(?<![\w-])--[a-z-]+", text)) <= known | {"--all-files", "--help"}
    used = set(re.findall(r"^ {10}([a-z-]+):", workflow, re.M))
    assert used & set(action["inputs"]) and {"docs"} <= set(action["inputs"])


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("git")), reason="needs bash and git")
def test_the_action_audits_changed_copy_and_hands_on_names_as_they_are(tmp_path: pathlib.Path) -> None:
    step = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"][-1]
    home, tool = tmp_path / "repo", tmp_path / "temp" / "saysdoes" / "bin"
    tool.mkdir(parents=True)
    (tool / "saysdoes").write_text('#!/bin/bash\nprintf "%s\\0" "$@" > "$RUNNER_TEMP/args"\ntouch "$RUNNER_TEMP/saysdoes.sarif"\nexit 1\n')
    (tool / "saysdoes").chmod(0o755)

    def git(*args: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        return subprocess.run(["git", *who, *args], cwd=home, check=True, capture_output=True, text=True).stdout.strip()

    home.mkdir()
    git("init", "-q")
    git("remote", "add", "origin", str(home))
    (home / "old.md").write_text("old")
    git("add", "-A")
    git("commit", "-qm", "one")
    base = git("rev-parse", "HEAD")
    odd = "web/$(touch pwned) `x`; 'a.mdx"
    for name in (odd, "docs/guide.md", "web/b.html", "web/style.css", "README.md", "--config=x.md"):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text("new")
    git("add", "-A", "--", ".")
    git("commit", "-qm", "two")
    values = {"DOCS": "docs\nCHANGELOG.md\n", "COPY": "", "FAIL_ON": "planned", "BASELINE": "b.json", "CONFIG": "", "BASE": base,
              "EXCLUDE": yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]["exclude"]["default"]}
    assert set(values) == set(step["env"])
    env = {**os.environ, **values, "RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_STEP_SUMMARY": str(tmp_path / "s"), "GITHUB_OUTPUT": str(tmp_path / "o")}
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=home, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    args = (tmp_path / "temp" / "args").read_text().split("\0")[:-1]
    assert {"audit", "--docs=docs", "--docs=CHANGELOG.md", "--baseline=b.json", "--fail-on=planned"} <= set(args)
    assert sorted(args[args.index("--") + 1 :]) == sorted([odd, "web/b.html", "--config=x.md"])
    assert not (home / "pwned").exists() and "sarif=" in (tmp_path / "o").read_text()
    read = parser().parse_args(args)
    assert odd in read.targets and read.config is None
    quiet = subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=home, env={**env, "BASE": git("rev-parse", "HEAD")}, capture_output=True, text=True, check=False)
    assert quiet.returncode == 0 and "No copy changed" in quiet.stdout
