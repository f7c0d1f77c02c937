"""Where configs/, models/ and corpora/ lie: beside the package in a clone, below share/saysdoes of the environment once installed."""

from __future__ import annotations

import pathlib
import sysconfig


def _home() -> pathlib.Path:
    clone = pathlib.Path(__file__).resolve().parent.parent
    if (clone / "configs" / "default.yaml").is_file():
        return clone
    return pathlib.Path(sysconfig.get_path("data")) / "share" / "saysdoes"


HOME = _home()
