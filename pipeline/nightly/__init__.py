"""The nightly run: read, audit what changed, store, compare, settle, watch, tell.

In reading order: marks, places, choice, night, news, watch, letters, figures.
"""

from pipeline.nightly.night import Night, Options, run_night

__all__ = ["Night", "Options", "run_night"]
