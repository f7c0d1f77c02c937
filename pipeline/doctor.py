"""What is installed, which models load from where with which checksum, and whether they answer."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import shutil
from dataclasses import dataclass

from pipeline.artefacts import MODELS, open_model
from pipeline.config import Config
from pipeline.errors import SaysdoesError

LIBRARIES = (
    "torch",
    "sentence-transformers",
    "spacy",
    "scikit-learn",
    "numpy",
    "onnxruntime",
    "beautifulsoup4",
    "lxml",
    "requests",
    "urllib3",
    "protego",
    "ada-url",
    "SQLAlchemy",
    "jinja2",
    "pydantic",
)
EXTRAS = ("apprise", "weasyprint", "xlsxwriter", "playwright", "psycopg", "ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at; `optional` ones may be absent."""

    name: str
    ok: bool
    detail: str
    optional: bool = False


def examine(config: Config) -> list[Check]:
    """Every check, in a fixed order; never raises for what is wrong."""
    out = [
        Check(
            name="python",
            ok=True,
            detail=f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        )
    ]
    for name in (*LIBRARIES, *EXTRAS):
        optional = name in EXTRAS
        try:
            out.append(Check(name=name, ok=True, detail=importlib.metadata.version(name), optional=optional))
        except importlib.metadata.PackageNotFoundError:
            out.append(
                Check(
                    name=name,
                    ok=False,
                    detail="not installed" + (" (optional)" if optional else ": run `make setup`"),
                    optional=optional,
                )
            )
    for role, name in (
        ("retriever", config.models.retriever),
        ("reader", config.models.reader),
        ("decision", config.models.decision),
        ("sentences", config.models.sentences),
    ):
        if role == "retriever" and not (MODELS / name / "manifest.json").exists():
            out.append(
                Check(
                    name=f"model {role}", ok=True, detail=f"{name} through sentence-transformers (hub or local folder)"
                )
            )
            continue
        try:
            artefact = open_model(name)
            sums = ", ".join(f"{f} {s[:12]}" for f, s in sorted(artefact.manifest["files"].items()))
            out.append(Check(name=f"model {role}", ok=True, detail=f"{artefact.folder} (SHA-256 {sums})"))
        except SaysdoesError as err:
            out.append(Check(name=f"model {role}", ok=False, detail=str(err)))
    out.append(_alive(config))
    chromium = next((p for p in ("chromium", "chromium-browser", "google-chrome") if shutil.which(p)), None)
    out.append(
        Check(
            name="chromium",
            ok=chromium is not None,
            detail=shutil.which(chromium) or "" if chromium else "not found (only for JavaScript pages)",
            optional=True,
        )
    )
    out.append(_store(config))
    file = config.cache_file
    out.append(Check(name="cache", ok=True, detail="off" if file is None else f"{file} ({_size(file)})"))
    return out


def _store(config: Config) -> Check:
    """The store's health; one that is not there yet is no fault."""
    from pipeline.store import Store
    from pipeline.store.retention import health

    place = config.store.place
    if "://" not in place and not pathlib.Path(place).is_file():
        return Check(name="store", ok=True, detail=f"{config.store.shown} is not there yet: `crawl` or `nightly` makes it")
    try:
        with Store(place) as store:
            state = health(store.engine)
    except SaysdoesError as err:
        return Check(name="store", ok=False, detail=str(err))
    except Exception as err:  # noqa: BLE001  A damaged file fails in the driver, in many ways.
        return Check(name="store", ok=False, detail=f"{config.store.shown} cannot be read ({type(err).__name__}): restore a backup")
    return Check(name="store", ok=state.ok, detail=f"{config.store.shown}: {state.detail}")


def _alive(config: Config) -> Check:
    """Loads every model and judges one sentence against two lines of documentation."""
    from pipeline.audit import Auditor
    from pipeline.documents import read_markdown
    from pipeline.records import Claim

    page = read_markdown(
        "# Export\n\nReports can be exported as CSV.\n\n# Plans\n\nSingle sign-on is available on Enterprise only.\n",
        "check.md",
        verbatim=True,
    )
    try:
        auditor = Auditor(config.model_copy(update={"cache": ""}), [page])
        verdict = auditor.judge_claims([Claim(id="1", text="Export every report as CSV.", end=27)])[0]
    except SaysdoesError as err:
        return Check(name="judging", ok=False, detail=str(err))
    return Check(name="judging", ok=True, detail=f"all models answer (verdict {verdict.verdict.value})")


def _size(file: pathlib.Path) -> str:
    return f"{file.stat().st_size / 2**20:.1f} MiB" if file.exists() else "empty"
