"""Records of the ledger, and their form as rows of text."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.errors import UsageError
from pipeline.fingerprint import fingerprint


class State(StrEnum):
    """What has been decided about a claim."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WAIVED = "waived"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision. `expires` is a day (YYYY-MM-DD) or ""; `said` is what the docs said when it was made; `evidence` what proves the claim."""

    claim: str
    state: State
    owner: str = ""
    reason: str = ""
    expires: str = ""
    evidence: str = ""
    said: str = ""
    by: str = ""
    at: str = ""

    @property
    def fingerprint(self) -> str:
        """The mark of the claim's words."""
        return fingerprint(self.claim)

    def expired(self, today: datetime.date) -> bool:
        """Whether its last day has gone by."""
        return bool(self.expires) and datetime.date.fromisoformat(self.expires) < today


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The state of a statement tonight. `note` says why it was reopened, or which proof settles it; "" otherwise."""

    fingerprint: str
    state: State
    note: str = ""
    reopened: bool = False


def day(text: str, where: str) -> str:
    """`text` as YYYY-MM-DD, "" for nothing. Raises UsageError for what is no day."""
    if not text:
        return ""
    try:
        return datetime.date.fromisoformat(str(text)).isoformat()
    except ValueError as err:
        raise UsageError(f"{where}: {text!r} is no day: write it as 2027-03-31.") from err


def to_row(entry: Entry) -> dict[str, str]:
    """The entry as the store keeps it."""
    names = {"claim": entry.claim, "state": entry.state.value, "owner": entry.owner, "reason": entry.reason}
    return names | {
        "expires": entry.expires,
        "evidence": entry.evidence,
        "said": entry.said,
        "acted_by": entry.by,
        "acted_at": entry.at,
    }


def from_row(row: Mapping[str, object], where: str) -> Entry:
    """A row of the store or an item of the YAML file. Raises UsageError naming what is wrong."""
    known = {"claim", "state", "owner", "reason", "expires", "evidence", "said", "by", "at", "acted_by", "acted_at"}
    unknown = sorted(set(row) - known)
    if unknown:
        raise UsageError(
            f"{where}: unknown key `{unknown[0]}`; known here: {', '.join(sorted(known - {'acted_by', 'acted_at'}))}."
        )
    words = {name: "" if value is None else str(value) for name, value in row.items()}
    if not words.get("claim", "").strip():
        raise UsageError(f"{where}: an entry needs `claim`, the words of the claim.")
    states = [s.value for s in State]
    if words.get("state") not in states:
        raise UsageError(f"{where}: `state` is {words.get('state')!r}: use one of {', '.join(states)}.")
    entry = Entry(
        claim=words["claim"],
        state=State(words["state"]),
        owner=words.get("owner", ""),
        reason=words.get("reason", ""),
        expires=day(words.get("expires", ""), where),
        evidence=words.get("evidence", ""),
        said=words.get("said", ""),
        by=words.get("by", words.get("acted_by", "")),
        at=words.get("at", words.get("acted_at", "")),
    )
    check(entry, where)
    return entry


def check(entry: Entry, where: str) -> None:
    """Raises UsageError for a decision that lacks what it stands on."""
    if entry.state is State.ACCEPTED and not entry.evidence.strip():
        raise UsageError(f"{where}: accepted needs `evidence`: the sentence, document or proof that shows the claim.")
    if entry.state is State.WAIVED:
        missing = [name for name in ("owner", "reason", "expires") if not getattr(entry, name).strip()]
        if missing:
            raise UsageError(f"{where}: waived needs `{missing[0]}`: a waiver has an owner, a reason and a last day.")
