"""Configuration: configs/default.yaml with the user's file on top, checked against this schema.

Unknown keys and wrong values end as a ConfigError that names file, line and key and shows the line.
"""

from __future__ import annotations

import pathlib
import re
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ConfigError
from pipeline.house import HOME

DEFAULT = HOME / "configs" / "default.yaml"
FailOn = Literal["contradicted", "planned", "qualified", "undocumented", "none"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Models(_Section):
    """Which models are opened."""

    retriever: str = "retriever"
    reader: str = "verifier"
    decision: str = "decision"
    sentences: str = "sentences"


class MatchConfig(_Section):
    """Retrieval."""

    top_k: int = Field(16, ge=10, le=100)


class ScoreConfig(_Section):
    """Where a score is not given."""

    min_words: int = Field(60, ge=0)
    min_claims: int = Field(3, ge=1)


class UndersoldConfig(_Section):
    """The list of capabilities that no page sells."""

    most: int = Field(30, ge=0, le=1000)


class StoreConfig(_Section):
    """Where crawls and runs are kept."""

    url: str = "~/.local/share/saysdoes/store.sqlite"
    keep_crawls: int = Field(30, ge=1)

    @property
    def shown(self) -> str:
        """`place` for people: without the password that a database URL may carry."""
        return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", self.place)

    @property
    def place(self) -> str:
        """What `store.Store` opens: a database URL as written, or a path with `~` made whole."""
        return self.url if "://" in self.url else str(pathlib.Path(self.url).expanduser())


class Product(_Section):
    """One of several products: what it is held against, and who may see it beside those whose account says so."""

    name: str = Field(min_length=1, max_length=80)
    docs: list[str] = Field(min_length=1)
    targets: list[str] = []
    plans: list[str] = []
    viewers: list[str] = []


class WebConfig(_Section):
    """The web app."""

    host: str = "127.0.0.1"
    port: int = Field(8765, ge=0, le=65535)
    hosts: list[str] = []
    https: bool = False
    proxy_header: str = ""
    trusted_proxies: list[str] = []
    session_hours: float = Field(12, gt=0, le=24 * 31)
    upload_mib: int = Field(10, ge=1, le=50)
    text_kib: int = Field(512, ge=1, le=10240)
    queue: int = Field(20, ge=1, le=1000)
    queue_own: int = Field(5, ge=1, le=1000)
    job_minutes: float = Field(30, gt=0, le=1440)
    keep_days: int = Field(90, ge=1)
    requests_per_minute: int = Field(600, ge=0)
    audits_per_hour: int = Field(60, ge=0)
    desk_per_minute: int = Field(120, ge=0)
    sign_ins_per_minute: int = Field(10, ge=0)


class Route(_Section):
    """One address that is told the news. `sections` are path prefixes (none: all), `owner` who acts (none: all)."""

    to: str
    name: str = ""
    sections: list[str] = []
    owner: Literal["", "copy", "docs", "source"] = ""


class NightlyConfig(_Section):
    """The system that runs while nobody looks."""

    engine: Literal["local", "ray"] = "local"
    workers: int = Field(1, ge=1, le=256)
    ray_address: str = ""
    full_days: int = Field(7, ge=0)
    wait_minutes: float = Field(120.0, ge=0)
    keep_runs: int = Field(400, ge=2)
    notify: list[Route] = []
    metrics: str = ""
    log: str = ""


class Config(_Section):
    """Everything that can be configured."""

    product: str = ""
    targets: list[str] = []
    docs: list[str] = []
    plans: list[str] = []
    products: list[Product] = []
    models: Models = Models()
    match: MatchConfig = MatchConfig()  # type: ignore[call-arg]
    score: ScoreConfig = ScoreConfig()  # type: ignore[call-arg]
    undersold: UndersoldConfig = UndersoldConfig()  # type: ignore[call-arg]
    store: StoreConfig = StoreConfig()  # type: ignore[call-arg]
    web: WebConfig = WebConfig()  # type: ignore[call-arg]
    nightly: NightlyConfig = NightlyConfig()  # type: ignore[call-arg]
    ledger: str = ""
    substantiation: list[str] = []
    cache: str = "~/.cache/saysdoes"
    fail_on: list[FailOn] = ["contradicted", "planned", "qualified", "undocumented"]
    fetch: dict[str, Any] = {}
    crawl: dict[str, Any] = {}

    @property
    def cache_file(self) -> pathlib.Path | None:
        """The file of the vector cache, or None when caching is off."""
        return pathlib.Path(self.cache).expanduser() / "vectors.sqlite" if self.cache else None


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        out[key] = _merge(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def _line(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """Line (from 1) of the key that `path` names, or of the last part of it that the file has."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def load_config(path: pathlib.Path | None = None) -> Config:
    """The configuration in force.

    Raises ConfigError when the file is absent, is not YAML, has an unknown key or a wrong value.
    """
    base = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    if path is None:
        return Config.model_validate(base)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(
            f"Config file {path} cannot be read ({err.__class__.__name__}): give the path of a YAML file, see configs/default.yaml."
        ) from err
    try:
        data, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ConfigError(
            f"{path}:{line}: not valid YAML ({getattr(err, 'problem', err)}).\n  {line} | {_show(text, line)}"
        ) from err
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(
            f"{path}:1: expected `key: value` lines, found a {type(data).__name__}; see configs/default.yaml."
        )
    try:
        return _found_from(Config.model_validate(_merge(base, data)), path.parent)
    except ValidationError as err:
        lines = []
        for fault in err.errors():
            place = tuple(fault["loc"])
            line = _line(node, place)
            key = ".".join(str(p) for p in place)
            if fault["type"] == "extra_forbidden":
                known = sorted(_known(place[:-1]))
                said = f"unknown key `{key}`; known here: {', '.join(known)}"
            else:
                said = f"`{key}`: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}"
            lines.append(f"{path}:{line}: {said}\n  {line} | {_show(text, line)}")
        raise ConfigError("\n".join(lines)) from err


def _found_from(config: Config, folder: pathlib.Path) -> Config:
    """The configuration with its files and folders findable: what does not stand in the working directory is looked for beside the config file."""

    def here(names: list[str]) -> list[str]:
        return [n if "://" in n or pathlib.Path(n).exists() or not (folder / n).exists() else str(folder / n) for n in names]

    return config.model_copy(
        update={
            "targets": here(config.targets),
            "docs": here(config.docs),
            "substantiation": here(config.substantiation),
            "products": [p.model_copy(update={"docs": here(p.docs), "targets": here(p.targets)}) for p in config.products],
        }
    )


def _known(place: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Config
    for part in place:
        kind = model.model_fields[str(part)].annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            model = kind
    return list(model.model_fields)


def _show(text: str, line: int) -> str:
    lines = text.split("\n")
    return lines[line - 1].rstrip() if 0 < line <= len(lines) else ""
