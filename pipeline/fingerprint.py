"""Claim text -> fingerprint: the same for the same statement, wherever it stands and however it is typeset.

Case, white space, quotation marks, dashes, other Unicode forms of the same letters and the closing full stop do not count; every word, figure and
sign that can change the meaning does. So a finding that moves to another page keeps its fingerprint, and a rise from 5 to 15 seats changes it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Signs that carry meaning stay: 50 %, $5, >=, 24/7, C++, 1.5, 10,000.
DROPPED = re.compile(r"[^\w%$€£+<>=/.,&#-]+")
LOOSE = re.compile(r"(?<!\d)[.,-]+|[.,-]+(?!\d)")


def normalized(text: str) -> str:
    """The wording that a fingerprint is made of: folded, and words parted by one space."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = re.sub(r"['\u2018\u2019\u201b\u0060\u00b4]", "", folded)
    folded = re.sub(r"[\u00ad\u200b-\u200f\u2060\ufeff]", "", folded)
    folded = re.sub(r"[\u2010-\u2015\u2212]", "-", folded)
    return " ".join(LOOSE.sub(" ", DROPPED.sub(" ", folded)).split())


def fingerprint(text: str) -> str:
    """Sixteen hex digits of SHA-256 over the normalised wording."""
    return hashlib.sha256(normalized(text).encode("utf-8", "replace")).hexdigest()[:16]
