"""The products that the configuration names, and what of it each audit runs with."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.sources import is_url

DEFAULT_NAME = "Your product"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product that can be audited. `viewers` are accounts that may see it whatever else they may see."""

    name: str
    docs: tuple[str, ...]
    targets: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    viewers: frozenset[str] = frozenset()


def products_of(config: Config) -> tuple[Product, ...]:
    """The products in the order of the configuration.

    Raises UsageError when there is none, when two have the same name, or when both forms are used at once.
    """
    if config.products:
        if config.docs or config.product:
            raise UsageError(
                "The configuration has `products` and also `product` or `docs`: move the latter into the list, or drop the list."
            )
        names = [p.name for p in config.products]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise UsageError(f"The product {twice[0]!r} stands twice under `products`: names must differ.")
        return tuple(
            Product(
                name=p.name, docs=tuple(p.docs), targets=tuple(p.targets), plans=tuple(p.plans), viewers=frozenset(p.viewers)
            )
            for p in config.products
        )
    if not config.docs:
        raise UsageError("No documentation to check against: name it under `docs:` in the file given with --config.")
    return (
        Product(
            name=config.product or DEFAULT_NAME, docs=tuple(config.docs), targets=tuple(config.targets), plans=tuple(config.plans)
        ),
    )


def config_for(config: Config, product: Product) -> Config:
    """The configuration of one product alone."""
    changes = {"product": product.name, "docs": list(product.docs), "plans": list(product.plans), "products": []}
    # One file holds the decisions of one product; several products have theirs in the store, each its own.
    return config.model_copy(update={**changes, "ledger": ""} if config.products else changes)


def state_of(docs: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """(path, size, time of change) of every file of the documentation: differs when a file was changed, added or removed."""
    out = []
    for place in docs:
        if is_url(place):
            continue
        path = pathlib.Path(place)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            try:
                found = file.stat()
            except OSError:
                continue
            if file.is_file():
                out.append((str(file), found.st_size, found.st_mtime_ns))
    return tuple(out)
