"""Content codings undone under limits: gzip, deflate, br, zstd, and chains of them.

Every decoder gives out bounded pieces, so a bomb is noticed after the first pieces and never unpacked in whole.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import IO, cast

import brotli  # type: ignore[import-untyped]
import zstandard

PIECE = 64 * 1024
SUPPORTED = "gzip, deflate, br, zstd"
# A zstd frame may ask for gigabytes of window; 8 MiB is what browsers grant (RFC 8878, 3.1.1.1.2).
MAX_WINDOW = 8 * 1024 * 1024


class Bomb(Exception):
    """The body unpacks to more than the limits allow; the text says how much and which limit."""


class Undecodable(Exception):
    """The body is not what its Content-Encoding says."""


class Incomplete(Exception):
    """The compressed stream ends before its end mark."""


def _inflate(chunks: Iterator[bytes], *, wbits: int) -> Iterator[bytes]:
    """gzip members one after the other, or zlib, or raw deflate where a server means that by "deflate"."""
    engine = zlib.decompressobj(wbits)
    started = False
    for chunk in chunks:
        data = chunk
        while data:
            if engine.eof:
                if wbits != 31 or not data.lstrip(b"\0"):
                    return  # padding or rubbish after the end, as browsers ignore it
                engine = zlib.decompressobj(wbits)
            try:
                out = engine.decompress(data, PIECE)
            except zlib.error as err:
                if started and engine.unused_data == b"" and wbits == 31 and "header" in str(err):
                    return
                if not started and wbits == 15:
                    engine, wbits = zlib.decompressobj(-15), -15
                    continue
                raise Undecodable(str(err)) from err
            started = started or bool(out)
            data = engine.unconsumed_tail or engine.unused_data
            if out:
                yield out
            elif not engine.eof and not engine.unconsumed_tail:
                break
    if not engine.eof:
        rest = engine.flush(PIECE)
        if rest:
            yield rest
        raise Incomplete("the compressed stream ends early")


def _brotli(chunks: Iterator[bytes]) -> Iterator[bytes]:
    engine = brotli.Decompressor()
    try:
        for chunk in chunks:
            # `can_accept_more_data` says yes while output still waits inside, so it is asked for until none comes.
            out = engine.process(chunk, output_buffer_limit=PIECE)
            while out:
                yield out
                out = b"" if engine.is_finished() else engine.process(b"", output_buffer_limit=PIECE)
    except brotli.error as err:
        raise Undecodable("not a brotli stream") from err
    if not engine.is_finished():
        raise Incomplete("the compressed stream ends early")


class _Source(io.RawIOBase):
    """The chunks as a file, for readers that pull."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._left = b""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; b"" at the end."""
        if not self._left:
            self._left = next(self._chunks, b"")
        out, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return out


def _zstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    engine = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    reader = engine.stream_reader(cast("IO[bytes]", _Source(chunks)), read_across_frames=True)
    try:
        while out := reader.read(PIECE):
            yield out
    except zstandard.ZstdError as err:
        raise Undecodable(f"not a zstd stream ({err})") from err


def codings(header: str) -> list[str]:
    """Names in a Content-Encoding header, in the order in which they were applied."""
    return [name for part in header.split(",") if (name := part.strip().lower()) and name != "identity"]


def decoded(chunks: Iterator[bytes], header: str, *, max_codings: int) -> Iterator[bytes]:
    """`chunks` with every coding of `header` undone.

    Raises Bomb for too many codings, Undecodable for an unknown or wrong one, Incomplete at the end of a cut stream
    (everything readable has been given out by then).
    """
    names = codings(header)
    if len(names) > max_codings:
        raise Bomb(f"{len(names)} content codings in a row, more than {max_codings}")
    for name in reversed(names):
        if name in {"gzip", "x-gzip"}:
            chunks = _inflate(chunks, wbits=31)
        elif name == "deflate":
            chunks = _inflate(chunks, wbits=15)
        elif name == "br":
            chunks = _brotli(chunks)
        elif name == "zstd":
            chunks = _zstd(chunks)
        else:
            raise Undecodable(f"content coding '{name[:40]}' is unknown")
    return chunks


class Counted:
    """Chunks with their bytes counted, so that the ratio of a bomb can be told."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        """The chunks."""
        for chunk in self._chunks:
            self.count += len(chunk)
            yield chunk


def collect(
    chunks: Iterator[bytes], header: str, *, max_bytes: int, max_ratio: float, ratio_floor: int, max_codings: int
) -> tuple[bytes, bool]:
    """The whole decoded body, and whether its compressed stream was cut short.

    Raises Bomb past `max_bytes`, or past `max_ratio` once more than `ratio_floor` bytes are out; Undecodable.
    """
    counted = Counted(chunks)
    out = bytearray()
    try:
        for piece in decoded(iter(counted), header, max_codings=max_codings):
            out += piece
            if len(out) > max_bytes:
                raise Bomb(f"more than {max_bytes:,} bytes")
            if header and len(out) > ratio_floor and len(out) > max_ratio * max(1, counted.count):
                raise Bomb(f"{counted.count:,} bytes unpack to more than {len(out):,}, over {max_ratio:g} to 1")
    except Incomplete:
        if not out:
            raise Undecodable("the compressed stream is cut short before its first byte") from None
        return bytes(out), True
    return bytes(out), False
