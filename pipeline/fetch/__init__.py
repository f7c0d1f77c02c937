"""The only room that knows the network: one URL -> `Fetched` or `Problem`, under rules that keep both sides safe.

In reading order: settings, url, address, robots, pace, coding, connection, gate; render for pages made by scripts.
"""

from pipeline.fetch.gate import Attempt, Fetcher, Validators
from pipeline.fetch.settings import FetchSettings

__all__ = ["Attempt", "FetchSettings", "Fetcher", "Validators"]
