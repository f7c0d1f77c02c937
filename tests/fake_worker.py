"""The worker process with a stand-in for models: texts with certain words crash, hang or fail; all others get the demo's audit."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))

from sample_audit import sample

from pipeline.errors import SaysdoesError
from pipeline.web import worker


class FakeAuditor:
    def audit(self, pages: Any, problems: Any, *, progress: Any) -> Any:
        text = " ".join(b.text for b in pages[0].blocks)
        if "CRASH" in text:
            os._exit(9)
        if "DEAF" in text:
            time.sleep(60)
        if "FAIL" in text:
            raise SaysdoesError("This fails on purpose: try another text.")
        if "BUG" in text:
            raise ZeroDivisionError
        for step in range(200 if "SLOW" in text else 3):
            progress("judging claims", step, 200)
            time.sleep(0.05)
        return sample()


class FakeDesk:
    def judge(self, text: str) -> list[dict[str, Any]]:
        if "BUG" in text:
            raise ZeroDivisionError
        return [{"text": text, "pending": False, "claims": []}]


class FakeWarm:
    problems = ()

    def __init__(self, *_: Any) -> None:
        self.auditor, self.desk = FakeAuditor(), FakeDesk()

    def is_current(self, _: Any) -> bool:
        return True


worker.Warm = FakeWarm
worker.main()
