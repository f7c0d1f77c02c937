"""How long the writing desk takes for a changed sentence, beside the bare models' time for the same claims: `bench desk [--changes N]`.

A server with a warm worker on the demo's documentation; a text of twelve sentences, of which one is changed each time, sent as the page sends it.
After each change the same sentence goes through an Auditor in this process. Then one page of the demo is audited on demand, from handing in to
the result, and its claims by the Auditor here. All in one run on the same machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import pathlib
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import Any

from pipeline.config import Config
from pipeline.demo import FOLDER
from pipeline.errors import UsageError

STEADY = (
    "Managers publish the week in one click. Every shift can be swapped from a phone. Time off is approved before the rota goes out. "
    "The kiosk works on any tablet. Payroll gets approved hours as a file. New locations take minutes. Nobody misses a change. "
    "Reports show planned and worked hours. Roles decide who sees wages. Breaks follow the rules of each site. Messages reach everyone on shift."
)
# A page as Markdown, so that it can be handed in as pasted copy.
PAGE = FOLDER / "docs" / "getting-started.md"
CHANGED = "The plan for {n} people includes single sign-on and a shared inbox."


def ask(port: int, text: str) -> tuple[int, dict[str, Any], float]:
    """(status, answer, seconds) of one call of the desk."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.monotonic()
    connection.request("POST", "/api/v1/desk", json.dumps({"text": text}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    return answer.status, body, time.monotonic() - began


def settled(port: int, text: str) -> None:
    """Sends a text until every sentence has its verdict. Raises UsageError when the worker does not answer."""
    for _ in range(120):
        status, body, _ = ask(port, text)
        if status == 200 and not any(r["pending"] for r in body["sentences"]):
            return
        time.sleep(0 if status == 200 else 1)
    raise UsageError("The desk gave no verdicts within two minutes; see the lines above.")


def audited(port: int, page: pathlib.Path) -> float:
    """Seconds from handing in a page to its result. Raises UsageError when the audit fails."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.monotonic()
    body = json.dumps({"text": page.read_text(encoding="utf-8")})
    connection.request("POST", "/api/v1/audits", body, {"Content-Type": "application/json"})
    ident = json.loads(connection.getresponse().read())["id"]
    while True:
        connection.request("GET", f"/api/v1/audits/{ident}")
        found = json.loads(connection.getresponse().read())
        if found["state"] == "done":
            return time.monotonic() - began
        if found["state"] in {"failed", "cancelled"}:
            raise UsageError(f"The audit failed: {found['message']}")
        time.sleep(0.05)


def main(argv: Sequence[str], config: Config) -> int:
    """Prints the figures."""
    import uvicorn

    from pipeline.audit import Auditor
    from pipeline.claims import claims_of, read_sentences
    from pipeline.records import Claim
    from pipeline.sources import read_places
    from pipeline.store import Store
    from pipeline.store.jobs import Jobs
    from pipeline.web.app import create_app
    from pipeline.web.foreman import Foreman
    from pipeline.web.guard import House

    parser = argparse.ArgumentParser(prog="bench desk", description=__doc__)
    parser.add_argument("--changes", type=int, default=15)
    args = parser.parse_args(argv)
    docs = str(FOLDER / "docs")
    web = config.web.model_copy(update={"requests_per_minute": 0, "desk_per_minute": 0})
    made = config.model_copy(update={"product": "Demo", "docs": [docs], "products": [], "web": web})
    sentences = [CHANGED.format(n=n) for n in range(2, 2 + args.changes)]
    read = read_places([docs], verbatim=True, what="Documentation", fetch=lambda _: ([], []), stdin=lambda: b"")
    auditor = Auditor(made, read.pages)
    auditor.judge_claims([Claim(id="0", text=STEADY[:60], quote=STEADY[:60], end=60)])
    with tempfile.TemporaryDirectory() as folder:
        place = str(pathlib.Path(folder) / "store.sqlite")
        with Store(place) as store, socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
            home = House(made, store, Foreman(made, place, Jobs(store.engine)), b"k" * 40)
            server = uvicorn.Server(uvicorn.Config(create_app(home), log_level="error"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()
            while not server.started:
                time.sleep(0.05)
            settled(port, STEADY)
            desk, bare = [], []
            for number, sentence in enumerate(sentences):
                status, body, took = ask(port, f"{STEADY} {sentence}")
                if status != 200 or body["sentences"][-1]["pending"]:
                    raise UsageError(f"The desk answered {status}: {str(body)[:200]}")
                desk.append(took)
                # In turns, so that what else the machine does weighs on both alike.
                began = time.monotonic()
                auditor.judge_claims([Claim(id=str(number), text=sentence, quote=sentence, end=len(sentence))])
                bare.append(time.monotonic() - began)
            on_demand = audited(port, PAGE)
            server.should_exit = True
            thread.join(timeout=20)
    copy = read_places([str(PAGE)], verbatim=False, what="Page", fetch=lambda _: ([], []), stdin=lambda: b"")
    page = copy.pages[0]
    sentences_read = read_sentences(page)
    blocks = [page.blocks[s.block] for s in sentences_read]
    claims = claims_of(page, auditor.sentences.judge(sentences_read, blocks, auditor.encoder, auditor.index))
    began = time.monotonic()
    auditor.judge_claims(claims)
    alone = time.monotonic() - began
    half, models = statistics.median(desk), statistics.median(bare)
    sys.stdout.write(
        f"{len(desk)} changes of one sentence in twelve: half within {1000 * half:.0f} ms, the slowest {1000 * max(desk):.0f} ms; "
        f"the bare models take {1000 * models:.0f} ms for the same claim: {half / models:.2f} times\n"
        f"one page with {len(claims)} claims on demand: {on_demand:.1f} s; the bare models take {alone:.1f} s for its claims: "
        f"{on_demand / alone:.2f} times\n"
    )
    return 0
