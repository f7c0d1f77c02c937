"""How alike two texts are: a 64-bit fingerprint whose bits differ little for texts that differ little (simhash).

Charikar 2002; Manku, Jain and Das Sarma, "Detecting near-duplicates for web crawling", WWW 2007.
"""

from __future__ import annotations

import hashlib
import heapq
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable

WORD = re.compile(r"\w+")
# A page is known by this many of its three-word runs; those with the smallest checksums, so the choice is the same
# wherever the run stands. 256 keeps the fingerprint of a long page under half a millisecond.
SAMPLE = 256
# One lane of 16 bits for each fingerprint bit: adding such integers counts the ones of all 64 bits at once.
LANES = tuple(sum(1 << (16 * bit) for bit in range(8) if byte >> bit & 1) for byte in range(256))


def fingerprint(text: str) -> int:
    """Simhash of the words of `text`, 0 for a text without words. Signed 64 bit, as databases store it."""
    words = WORD.findall(text.lower())
    if not words:
        return 0
    runs = {" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))}
    chosen = runs if len(runs) <= SAMPLE else heapq.nsmallest(SAMPLE, runs, key=lambda r: (zlib.crc32(r.encode()), r))
    low = [0] * 8
    for run in chosen:
        digest = hashlib.blake2b(run.encode(), digest_size=8).digest()
        for place in range(8):
            low[place] += LANES[digest[place]]
    half = len(chosen) / 2
    value = 0
    for place in range(8):
        for bit in range(8):
            if (low[place] >> (16 * bit) & 0xFFFF) > half:
                value |= 1 << (8 * place + bit)
    return value - (1 << 64) if value >> 63 else value


def distance(one: int, other: int) -> int:
    """Bits in which two fingerprints differ, 0-64."""
    return ((one ^ other) & 0xFFFFFFFFFFFFFFFF).bit_count()


def near(prints: Iterable[tuple[str, int]], bits: int) -> dict[str, str]:
    """`{url: earlier url}` for each page that differs from an earlier one in at most `bits` (up to 3) fingerprint bits.

    Two such prints agree in at least one of four bands of 16 bits, so only those are compared.
    """
    bands: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    found: dict[str, str] = {}
    for url, value in prints:
        if value == 0:
            continue
        keys = [(band, value >> (16 * band) & 0xFFFF) for band in range(4)]
        known = ((other, seen) for key in keys for other, seen in bands[key][:64])
        match = next((other for other, seen in known if distance(value, seen) <= bits), None)
        if match is not None:
            found[url] = match
            continue
        for key in keys:
            bands[key].append((url, value))
    return found
