"""Placeholder."""

from __future__ import annotations

from pipeline.fetch.gate import Fetcher
from pipeline.records import Problem


class Renderer:
    def __init__(self, fetcher: Fetcher) -> None: ...

    def render(self, url: str) -> bytes | Problem:
        raise NotImplementedError

    def close(self) -> None: ...
