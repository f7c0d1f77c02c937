"""The web app and JSON API for audits on demand, the writing desk, history and the ledger; also makes accounts and keys for it."""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys

from pipeline.config import Config
from pipeline.errors import ExitCode, UsageError
from pipeline.reach import open_store
from pipeline.store import Store
from pipeline.store.accounts import ALL, ROLES, Accounts

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `serve`."""
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: web.host, 127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="PORT", help="port to listen on (default: web.port, 8765)")
    people = parser.add_argument_group("accounts (each ends without serving)")
    people.add_argument(
        "--add-user", metavar="NAME", help="make or change an account; asks for the password, or reads it from a pipe"
    )
    people.add_argument("--role", choices=ROLES, help="of the account: what it may do (default viewer)")
    people.add_argument("--products", metavar="LIST", help="products that the account may see, comma separated, or * for all")
    people.add_argument("--no-password", action="store_true", help="for one who comes through a proxy that signs people in")
    people.add_argument("--remove-user", metavar="NAME", help="remove an account and its keys")
    people.add_argument("--new-key", metavar="NAME", help="print a new key for scripts of an account")


def run(args: argparse.Namespace, config: Config) -> ExitCode:
    """Serves until it is stopped, or changes accounts."""
    with open_store(config) as store:
        accounts = Accounts(store.engine)
        if args.add_user:
            return add_user(args, config, accounts)
        if args.remove_user:
            if not accounts.remove(args.remove_user):
                raise UsageError(f"There is no account {args.remove_user!r}.")
            sys.stdout.write(f"Account {args.remove_user} is removed.\n")
            return ExitCode.OK
        if args.new_key:
            sys.stdout.write(accounts.new_key(args.new_key) + "\n")
            return ExitCode.OK
        host, port = args.host or config.web.host, config.web.port if args.port is None else args.port
        check_binding(config, host, accounts)
        return serve(config, store, host, port, quiet=args.quiet)


def check_binding(config: Config, host: str, accounts: Accounts) -> None:
    """Raises UsageError for an address that others reach while nobody needs to sign in."""
    if host in LOOPBACK or host.startswith("127.") or config.web.proxy_header or accounts.count():
        return
    raise UsageError(
        f"Listening on {host} without sign-in would show everything to everyone who reaches it. Make an account "
        "(serve --config F --add-user NAME --role admin), set web.proxy_header and web.trusted_proxies, or listen on 127.0.0.1."
    )


def add_user(args: argparse.Namespace, config: Config, accounts: Accounts) -> ExitCode:
    """Makes or changes an account. Raises UsageError when a product is not configured or the password is too short."""
    from pipeline.web.products import products_of

    names = [p.name for p in products_of(config)]
    known = accounts.get(args.add_user)
    role = args.role or (known.role if known else "viewer")
    if args.products:
        chosen = tuple(p.strip() for p in args.products.split(",") if p.strip())
    elif known:
        chosen = known.products
    elif len(names) == 1 or role == "admin":
        chosen = (ALL,)
    else:
        raise UsageError(f"Which products may {args.add_user} see? Give --products with some of: {', '.join(names)}, or *.")
    unknown = [p for p in chosen if p != ALL and p not in names]
    if unknown:
        raise UsageError(f"There is no product {unknown[0]!r}; configured: {', '.join(names)}.")
    account = accounts.put(args.add_user, role=role, products=chosen, password=None if args.no_password else password())
    seen = "all products" if ALL in account.products else ", ".join(account.products)
    sys.stdout.write(f"Account {account.name}: {account.role}, sees {seen}.\n")
    return ExitCode.OK


def password() -> str:
    """A password, asked for twice on a terminal, else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != first:
        raise UsageError("The two passwords differ: nothing was changed.")
    return first


def serve(config: Config, store: Store, host: str, port: int, *, quiet: bool) -> ExitCode:
    """Serves until it is stopped."""
    try:
        import uvicorn

        from pipeline.web.app import create_app
        from pipeline.web.guard import House
        from pipeline.web.sessions import signing_key
    except ModuleNotFoundError as err:
        raise UsageError(f"The web app needs {err.name}: run `pip install 'saysdoes[web]'`.") from err
    from pipeline.store.jobs import Jobs
    from pipeline.web.foreman import Foreman

    place = config.store.place
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    foreman = Foreman(config, place, Jobs(store.engine))
    app = create_app(House(config, store, foreman, signing_key(place)))
    if not quiet:
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"saysdoes serves on http://{shown}:{port}/ (Ctrl-C ends it)\n")
        sys.stdout.flush()
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=host, port=port, log_level="warning", proxy_headers=False, server_header=False, timeout_graceful_shutdown=5,
            limit_concurrency=500,
        )
    )
    server.run()
    return ExitCode.OK if server.started else ExitCode.USAGE
