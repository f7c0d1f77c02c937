"""saysdoes: checks what marketing copy says against what product documentation shows.

For notebooks and scripts: `from pipeline import audit_pages, judge_claims, load, open_docs, rows, save`; see pipeline/notebook.py.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.notebook import audit_pages, judge_claims, load, open_docs, rows, save

__version__ = "0.1.0"
__all__ = ["__version__", "audit_pages", "judge_claims", "load", "open_docs", "rows", "save"]


def __getattr__(name: str) -> Any:
    # Only when asked for: the command line answers --help without opening a model.
    if name in __all__:
        return getattr(importlib.import_module("pipeline.notebook"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
