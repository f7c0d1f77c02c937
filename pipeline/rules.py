"""Cue words and word lists from configs/rules/*.yaml, compiled once.

Rules are data: each entry has an id, a reason, a pattern and examples that must and must not fire, which one test runs. This module
knows no vocabulary of its own.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.errors import ConfigError
from pipeline.house import HOME

FOLDER = HOME / "configs" / "rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One entry of a rule file."""

    id: str
    why: str
    pattern: re.Pattern[str]
    fires: tuple[str, ...]
    silent: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """The rules of one group (`beta`, `planned`, ...), asked together."""

    name: str
    rules: tuple[Rule, ...]

    def search(self, text: str) -> re.Match[str] | None:
        """The first match of any rule in `text`, in the order of the file."""
        for rule in self.rules:
            found = rule.pattern.search(text)
            if found:
                return found
        return None

    def all(self, text: str) -> tuple[str, ...]:
        """Every distinct match, lower-cased, sorted."""
        return tuple(sorted({m.group(0).lower() for rule in self.rules for m in rule.pattern.finditer(text)}))


@functools.cache
def load(file: str) -> dict[str, RuleSet]:
    """The groups of `configs/rules/<file>.yaml`.

    Raises ConfigError naming file and entry when a pattern does not compile or an entry lacks examples.
    """
    path = FOLDER / f"{file}.yaml"
    data: dict[str, list[dict[str, Any]]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    out: dict[str, RuleSet] = {}
    for group, entries in data.items():
        rules = []
        for entry in entries:
            where = f"configs/rules/{file}.yaml, {group}: {entry.get('id', '?')}"
            if not entry.get("fires") or not entry.get("silent"):
                raise ConfigError(f"{where} has no examples: add `fires:` and `silent:` sentences.")
            try:
                flags = 0 if entry.get("case") else re.IGNORECASE
                pattern = re.compile(entry["pattern"], flags)
            except (re.error, KeyError) as err:
                raise ConfigError(f"{where}: the pattern does not compile ({err}).") from err
            rules.append(
                Rule(
                    id=entry["id"],
                    why=entry["why"],
                    pattern=pattern,
                    fires=tuple(entry["fires"]),
                    silent=tuple(entry["silent"]),
                )
            )
        out[group] = RuleSet(name=group, rules=tuple(rules))
    return out
