"""Normalised URL, address guard, robots and scope of a URL."""

from __future__ import annotations

import argparse
import pathlib

from pipeline.cli import say
from pipeline.config import Config
from pipeline.errors import ExitCode, UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("url", nargs="?", metavar="URL")
    parser.add_argument("--batch", type=pathlib.Path, metavar="FILE", help="JSONL rows with id, url, agent?, robots?")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="where the answers to --batch go")


def run(args: argparse.Namespace, config: Config) -> ExitCode:
    """Says it of one URL, or answers a batch."""
    from pipeline.reach import explain_batch, explain_url

    if args.batch:
        if args.out is None:
            raise UsageError("--batch needs --out FILE for the answers.")
        explain_batch(args.batch, args.out, config)
        return ExitCode.OK
    if not args.url:
        raise UsageError("Name a URL, or --batch FILE --out FILE.")
    for line in explain_url(args.url, config):
        say(line)
    return ExitCode.OK
