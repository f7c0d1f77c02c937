"""How alike two texts are: a 64-bit fingerprint whose bits differ little for texts that differ little (simhash).

Charikar 2002; Manku, Jain and Das Sarma, "Detecting near-duplicates for web crawling", WWW 2007.
"""

from __future__ import annotations

import functools
import hashlib
import heapq
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable

WORD = re.compile(r"\w+")
# A page is known by this many of its three-word runs: those with the smallest hashes, so that the choice is the same
# wherever the run stands. 128 keeps a long page under half a millisecond and shows 3 bits for about 5 % changed text.
SAMPLE = 128
MASK = (1 << 64) - 1
# Odd 64-bit constants (Knuth's golden ratio and two of splitmix64) that tell the places in a run apart.
FIRST, SECOND, THIRD = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
# One lane of 16 bits for each bit of a byte: adding such integers counts the ones of all bits at once.
LANES = tuple(sum(1 << (16 * bit) for bit in range(8) if byte >> bit & 1) for byte in range(256))


@functools.lru_cache(maxsize=50_000)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def fingerprint(text: str) -> int:
    """Simhash of the words of `text`, 0 for a text without words. Signed 64 bit, as databases store it.

    All numbers count as one word: the months of a calendar and the pages of a list are alike.
    """
    words = [_hash("0" if word.isdigit() else word) for word in WORD.findall(text.lower())]
    if not words:
        return 0
    words += [0] * (3 - len(words))
    runs = {(a * FIRST + b * SECOND + c * THIRD) & MASK for a, b, c in zip(words, words[1:], words[2:], strict=False)}
    chosen = heapq.nsmallest(SAMPLE, runs)
    lanes = [0] * 8
    for run in chosen:
        # The chosen ones are small numbers: a product spreads them over all bits again.
        for place, byte in enumerate(((run * FIRST) & MASK).to_bytes(8, "little")):
            lanes[place] += LANES[byte]
    half = len(chosen) / 2
    value = 0
    for place in range(8):
        for bit in range(8):
            if (lanes[place] >> (16 * bit) & 0xFFFF) > half:
                value |= 1 << (8 * place + bit)
    return value - (1 << 64) if value >> 63 else value


def distance(one: int, other: int) -> int:
    """Bits in which two fingerprints differ, 0-64."""
    return ((one ^ other) & MASK).bit_count()


def near(prints: Iterable[tuple[str, int]], bits: int) -> dict[str, str]:
    """`{url: earlier url}` for each page that differs from an earlier one in at most `bits` (up to 3) fingerprint bits.

    Two such prints agree in at least one of four bands of 16 bits, so only those are compared.
    """
    bands: dict[int, list[int]] = defaultdict(list)
    urls: list[str] = []
    values = array("q")
    found: dict[str, str] = {}
    for url, value in prints:
        if value == 0:
            continue
        keys = [band << 16 | value >> (16 * band) & 0xFFFF for band in range(4)]
        places = (place for key in keys for place in bands[key][:64])
        match = next((place for place in places if distance(value, values[place]) <= bits), None)
        if match is not None:
            found[url] = urls[match]
            continue
        for key in keys:
            bands[key].append(len(urls))
        urls.append(url)
        values.append(value)
    return found
