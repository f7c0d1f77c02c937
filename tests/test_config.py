"""Configuration: every key is in the default file, and a mistake points at its line."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from pipeline.config import DEFAULT, Config, load_config
from pipeline.errors import ConfigError


def test_default_file_and_schema_agree() -> None:
    data = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    assert Config.model_validate(data) == Config()
    assert set(data) == set(Config.model_fields)
    for name in ("models", "match", "score", "undersold"):
        assert set(data[name]) == set(Config.model_fields[name].annotation.model_fields)


def test_partial_file_keeps_the_rest(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("product: Acme\nmatch:\n  top_k: 20\n")
    config = load_config(file)
    assert (config.product, config.match.top_k, config.models.reader) == ("Acme", 20, "verifier")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("product: Acme\nprodcut: x\n", 2, "unknown key `prodcut`"),
        ("match:\n  top_k: 1\n", 2, "top_k"),
        ("match:\n  topk: 12\n", 2, "known here: top_k"),
        ("fail_on: [contradicted, wrong]\n", 1, "fail_on"),
        ("product: [\n", 2, "not valid YAML"),
        ("- a\n- b\n", 1, "expected `key: value`"),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path: pathlib.Path, text: str, line: int, said: str) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert f"{file}:{line}:" in str(caught.value)
    assert said in str(caught.value)


def test_absent_file() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(pathlib.Path("no/such.yaml"))


def test_store_is_a_file_or_a_database(tmp_path: pathlib.Path) -> None:
    assert load_config().store.place == str(pathlib.Path("~/.local/share/saysdoes/store.sqlite").expanduser())
    file = tmp_path / "c.yaml"
    file.write_text("store: {url: postgresql+psycopg://me@db/says}", encoding="utf-8")
    assert load_config(file).store.place == "postgresql+psycopg://me@db/says"


def test_paths_count_from_the_working_directory_else_from_the_config_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf" / "docs").mkdir(parents=True)
    (tmp_path / "site").mkdir()
    file = tmp_path / "conf" / "a.yaml"
    file.write_text("docs: [docs, https://docs.acme.example/]\ntargets: [site, absent]\nproducts:\n  - {name: B, docs: [docs]}\n")
    monkeypatch.chdir(tmp_path)
    config = load_config(file)
    assert config.docs == [str(tmp_path / "conf" / "docs"), "https://docs.acme.example/"]
    assert config.targets == ["site", "absent"]
    assert config.products[0].docs == [str(tmp_path / "conf" / "docs")]
    (tmp_path / "docs").mkdir()
    assert load_config(file).docs[0] == "docs"


def test_the_demo_configuration_works_from_anywhere(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(DEFAULT.parent / "demo.yaml")
    assert all(pathlib.Path(p).is_dir() for p in [*config.docs, *config.targets])
