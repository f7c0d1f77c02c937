"""Records -> bytes and back, nothing lost: JSON made by the types of the fields, compressed.

Only the record types named by the reader are ever made; what does not fit them ends as a UsageError.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import functools
import json
import types
import typing
from typing import Any, TypeVar

import zstandard

from pipeline.errors import UsageError

Record = TypeVar("Record")
# A packed audit of a large site has some ten megabytes; what claims more is damaged.
MOST_BYTES = 512 * 1024 * 1024


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, collections.abc.Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _made(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _made(next(a for a in typing.get_args(kind) if a is not type(None)), value)
    if origin is tuple:
        inner = typing.get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_made(inner[0], v) for v in value)
        return tuple(_made(k, v) for k, v in zip(inner, value, strict=True))
    if origin is collections.abc.Mapping:
        return dict(value)
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(**{k: _made(hints[k], v) for k, v in value.items()})  # type: ignore[operator]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    return value


def pack(record: Any) -> bytes:
    """A record of frozen dataclasses, enums, tuples, mappings and plain values as compressed JSON."""
    # A lone surrogate of a broken page has no UTF-8 form; as an ASCII escape it comes back as it was.
    text = json.dumps(_plain(record), ensure_ascii=True, separators=(",", ":"))
    return zstandard.ZstdCompressor(level=6).compress(text.encode("ascii"))


def unpack(kind: type[Record], data: bytes) -> Record:
    """The record of `kind` that `pack` made `data` from. Raises UsageError when it was not made by this release."""
    try:
        text = zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST_BYTES)
        return typing.cast(Record, _made(kind, json.loads(text)))
    except (zstandard.ZstdError, ValueError, TypeError, KeyError, AttributeError) as err:
        raise UsageError(
            f"a stored {kind.__name__} cannot be read back ({err}): it was written by another release; audit it again."
        ) from err
