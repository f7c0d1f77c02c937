"""The ledger itself, over a YAML file in the user's repository or over the store; both hold the same rows."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import pathlib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import yaml

from pipeline.errors import UsageError
from pipeline.fingerprint import fingerprint
from pipeline.ledger.entries import Entry, Settled, State, check, day, from_row, to_row
from pipeline.ledger.substantiation import Proof

HEAD = (
    "# What has been decided about claims. saysdoes rewrites this file; remarks belong into `reason`, comments are not kept.\n"
    "# state: open | accepted (needs evidence) | waived (needs owner, reason, expires) | retired. `said` is what the docs said then:\n"
    "# when they say something else, the entry is reopened.\n"
)
MARK = re.compile(r"[0-9a-f]{16}")
SAYSDOES = "saysdoes"


class Spoken(Protocol):
    """What `settle` needs to know of a statement."""

    @property
    def fingerprint(self) -> str:
        """Its mark."""

    @property
    def text(self) -> str:
        """Its words."""

    @property
    def verdict(self) -> str:
        """One of the seven verdicts."""

    @property
    def quote(self) -> str:
        """What the docs say about it, "" for nothing."""


class Rows(Protocol):
    """Where the rows of one product lie."""

    def all(self) -> dict[str, dict[str, str]]:
        """{fingerprint: row}."""

    def write(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        """Sets rows."""


class YamlRows:
    """Rows in a YAML file that people review: a list of entries in order of their claim."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def all(self) -> dict[str, dict[str, str]]:
        """{fingerprint: row}; nothing where there is no file yet. Raises UsageError for what is no ledger."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as err:
            raise UsageError(f"The ledger {self.path} cannot be read ({err.__class__.__name__}).") from err
        return read_yaml(text, str(self.path))

    def write(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        """Sets rows, under a lock, whole or not at all."""
        with self._locked():
            merged: dict[str, Mapping[str, str]] = {**self.all(), **rows}
            text = dump_yaml(merged)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as out:
                    out.write(text)
                    out.flush()
                    os.fsync(out.fileno())
                pathlib.Path(name).chmod(self.path.stat().st_mode if self.path.exists() else 0o644)
                pathlib.Path(name).replace(self.path)
            except BaseException:
                pathlib.Path(name).unlink(missing_ok=True)
                raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = (self.path.parent / f".{self.path.name}.lock").open("a")
        except OSError as err:
            raise UsageError(
                f"The ledger {self.path} cannot be written ({err.strerror}): check path and rights."
            ) from err
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def read_yaml(text: str, where: str) -> dict[str, dict[str, str]]:
    """{fingerprint: row} of a ledger file. Raises UsageError naming the entry that is wrong."""
    try:
        data = yaml.safe_load(text) or []
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None)
        raise UsageError(
            f"{where}:{mark.line + 1 if mark else 1}: not valid YAML ({getattr(err, 'problem', err)})."
        ) from err
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise UsageError(f"{where}: expected a list of entries with claim and state.")
    out: dict[str, dict[str, str]] = {}
    for number, item in enumerate(data, 1):
        entry = from_row(item, f"{where}, entry {number}")
        if entry.fingerprint in out:
            raise UsageError(f"{where}, entry {number}: the claim stands twice: {entry.claim[:80]}")
        out[entry.fingerprint] = to_row(entry)
    return out


def dump_yaml(rows: Mapping[str, Mapping[str, str]]) -> str:
    """The file's text: entries in order of their claim, empty fields left out."""
    order = ("claim", "state", "owner", "reason", "expires", "evidence", "said", "acted_by", "acted_at")
    items = [
        {name.removeprefix("acted_"): row[name] for name in order if row.get(name)}
        for row in sorted(rows.values(), key=lambda r: (r["claim"].casefold(), r["claim"]))
    ]
    return HEAD + str(yaml.safe_dump(items, sort_keys=False, allow_unicode=True, width=120))


class Ledger:
    """The decisions about one product's claims. `known(fingerprint)` gives (claim, what the docs say) of a claim of the last run."""

    def __init__(
        self,
        rows: Rows,
        *,
        proofs: Sequence[Proof] = (),
        known: Callable[[str], tuple[str, str] | None] | None = None,
    ) -> None:
        self._rows = rows
        self.proofs = tuple(proofs)
        self._known = known

    def list(self, state: str | State | None = None) -> tuple[Entry, ...]:
        """Entries (of one state), in order of their claim."""
        entries = [from_row(row, "the ledger") for row in self._rows.all().values()]
        wanted = [e for e in entries if state is None or e.state == State(state)]
        return tuple(sorted(wanted, key=lambda e: (e.claim.casefold(), e.claim)))

    def get(self, claim: str) -> Entry | None:
        """The entry of a claim (its words or its fingerprint), or None."""
        row = self._rows.all().get(_mark(claim))
        return None if row is None else from_row(row, "the ledger")

    def accept(
        self, claim: str, *, evidence: str, by: str, at: str = "", reason: str = "", owner: str = "", expires: str = ""
    ) -> Entry:
        """The claim is true, and this shows it."""
        return self._set(
            claim, State.ACCEPTED, by=by, at=at, evidence=evidence, reason=reason, owner=owner, expires=expires
        )

    def waive(self, claim: str, *, owner: str, reason: str, expires: str, by: str, at: str = "") -> Entry:
        """The claim stays until a day, on somebody's word."""
        return self._set(claim, State.WAIVED, by=by, at=at, owner=owner, reason=reason, expires=expires)

    def retire(self, claim: str, *, by: str, at: str = "", reason: str = "", owner: str = "") -> Entry:
        """The claim is to be made no more; where it comes back, that is told."""
        return self._set(claim, State.RETIRED, by=by, at=at, reason=reason, owner=owner)

    def reopen(self, claim: str, *, by: str, at: str = "", reason: str = "") -> Entry:
        """The decision no longer holds; owner and evidence stay on record."""
        was = self.get(claim)
        if was is None:
            raise UsageError(f"The ledger has no entry for {claim[:80]!r}: `ledger list` shows what there is.")
        return self._set(was.claim, State.OPEN, by=by, at=at, reason=reason, owner=was.owner, evidence=was.evidence)

    def _set(self, claim: str, state: State, *, by: str, at: str, **words: str) -> Entry:
        text, said = self._find(claim)
        words["expires"] = day(words.get("expires", ""), "expires")
        entry = Entry(claim=text, state=state, said=said, by=by, at=at or _now(), **words)
        check(entry, f"claim {text[:60]!r}")
        self._rows.write({entry.fingerprint: to_row(entry)})
        return entry

    def _find(self, claim: str) -> tuple[str, str]:
        mark = _mark(claim)
        found = self._known(mark) if self._known else None
        if found is not None:
            return found
        row = self._rows.all().get(mark)
        if row is not None:
            return row["claim"], row["said"]
        if MARK.fullmatch(claim):
            raise UsageError(
                f"No claim has the fingerprint {claim}: give the words of the claim, or one that `ledger list` shows."
            )
        return claim, ""

    def export(self) -> str:
        """All entries as the text of a ledger file."""
        return dump_yaml(self._rows.all())

    def take_in(self, text: str, where: str) -> int:
        """Sets all entries of a ledger file's text; gives their number. Raises UsageError before anything is written."""
        rows = read_yaml(text, where)
        self._rows.write(rows)
        return len(rows)

    def settle(
        self,
        statements: Iterable[Spoken],
        today: datetime.date,
        *,
        at: str = "",
        still_said: Callable[[str], bool] | None = None,
    ) -> dict[str, Settled]:
        """{fingerprint: state tonight} of all statements; writes what has to be reopened or is settled by a proof.

        A waiver or acceptance whose day has gone by is reopened, and so is one whose docs now say something else, or whose proof was rewritten.
        A retired claim that is found is open again. `still_said` tells whether a quote still stands in the docs; without it a decision
        lapses when the verdict rests on another quote than it did.
        """
        entries = {mark: from_row(row, "the ledger") for mark, row in self._rows.all().items()}
        proofs = {p.evidence for p in self.proofs if not _over(p, today)}
        out: dict[str, Settled] = {}
        steps: dict[str, dict[str, str]] = {}
        moment = at or _now()
        for statement in statements:
            mark = statement.fingerprint
            entry = entries.get(mark)
            lapsed = "" if entry is None else self._lapsed(entry, statement, today, proofs, still_said)
            if entry is not None and lapsed:
                opened = Entry(
                    claim=entry.claim, state=State.OPEN, owner=entry.owner, reason=lapsed, evidence=entry.evidence,
                    said=statement.quote, by=SAYSDOES, at=moment,
                )  # fmt: skip
                steps[mark] = to_row(opened)
                entry = opened
            if statement.verdict == "external" and (entry is None or entry.state is State.OPEN):
                proof = next(
                    (p for p in self.proofs if not _over(p, today) and any(c.search(statement.text) for c in p.covers)),
                    None,
                )
                if proof is not None:
                    entry = Entry(
                        claim=statement.text, state=State.ACCEPTED, evidence=proof.evidence, reason=f"covered by {proof.id}",
                        expires=proof.expires, said=statement.quote, by=SAYSDOES, at=moment,
                    )  # fmt: skip
                    steps[mark], lapsed = to_row(entry), ""
            if entry is not None:
                out[mark] = Settled(
                    fingerprint=mark, state=entry.state, note=lapsed or entry.reason, reopened=bool(lapsed)
                )
        self._rows.write(steps)
        return out

    def _lapsed(
        self,
        entry: Entry,
        statement: Spoken,
        today: datetime.date,
        proofs: set[str],
        still_said: Callable[[str], bool] | None,
    ) -> str:
        """Why the decision no longer holds, or ""."""
        if entry.state is State.OPEN:
            return ""
        if entry.state is State.RETIRED:
            return "it was retired and is back on the site"
        if entry.expired(today):
            return f"its last day was {entry.expires}"
        if entry.by == SAYSDOES and entry.state is State.ACCEPTED:
            return "" if entry.evidence in proofs else "the proof that covered it was changed, has lapsed or is gone"
        if entry.said and not (still_said(entry.said) if still_said else entry.said == statement.quote):
            return "the documentation it was decided on now says something else"
        return ""


def _over(proof: Proof, today: datetime.date) -> bool:
    return bool(proof.expires) and datetime.date.fromisoformat(proof.expires) < today


def _mark(claim: str) -> str:
    return claim if MARK.fullmatch(claim) else fingerprint(claim)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
