"""The tables, as SQLAlchemy sees them. How they come to be, step by step, is in `migrations`; the two must agree, and
a test holds this.

One schema for SQLite and PostgreSQL: plain types, times as seconds since 1970, or ISO text where people read them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

META = MetaData()

MIGRATIONS = Table(
    "migrations", META, Column("name", Text, primary_key=True), Column("applied_at", Text, nullable=False)
)

# Who may crawl a site just now. `fence` grows with every taker; writes that carry an older one are refused.
SITES = Table(
    "sites",
    META,
    Column("site", Text, primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("holder", Text, nullable=False),
    Column("held_until", Float, nullable=False),
)

# One crawl of one site, from seeds to the last final state.
CRAWLS = Table(
    "crawls",
    META,
    Column("id", Integer, primary_key=True),
    Column("site", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("notes", Text, nullable=False, server_default="{}"),
)

# Every URL of a crawl, once. state: pending | leased | done | problem | left_out.
FRONTIER = Table(
    "frontier",
    META,
    Column("id", Integer, primary_key=True),
    Column("crawl_id", Integer, nullable=False),
    Column("url", Text, nullable=False),
    Column("wire", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("priority", Float, nullable=False),
    Column("origin", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("in_sitemap", Integer, nullable=False),
    Column("linked", Integer, nullable=False),
    Column("lastmod", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("ready_at", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    UniqueConstraint("crawl_id", "url"),
)

# The last good answer under a URL of a site: validators for conditional requests, and what was read from the page.
PAGES = Table(
    "pages",
    META,
    Column("site", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("crawl_id", Integer, nullable=False),
    Column("final_url", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    Column("fetched_at", Text, nullable=False),
    Column("changed_crawl", Integer, nullable=False),
    Column("elapsed_s", Float, nullable=False),
    Column("redirects", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("text_hash", Text, nullable=False),
    Column("print", BigInteger, nullable=False),
    Column("lastmod", Text, nullable=False),
    Column("checked", Float, nullable=False),
    Column("facts", LargeBinary, nullable=False),
)

# Raw bodies, once each, under the hash of their bytes.
BODIES = Table(
    "bodies",
    META,
    Column("hash", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# Turns of hosts that several processes share.
HOSTS = Table(
    "hosts",
    META,
    Column("host", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("held_until", Float, nullable=False),
    Column("next_at", Float, nullable=False),
)

# One audit of one product. status: running | stopped (resumable) | done | abandoned. `instrument` marks models and configuration, `docs_hash`
# the documentation; `changed` names which of them differ from the run before (models, config, docs). JSON columns are text.
RUNS = Table(
    "runs",
    META,
    Column("id", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("status", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("config_hash", Text, nullable=False),
    Column("docs_hash", Text, nullable=False),
    Column("instrument", Text, nullable=False),
    Column("changed", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("undersold", Text, nullable=False),
    Column("problems", Text, nullable=False),
    Column("documents", Text, nullable=False),
)

# Page audits and the lists of a run, once each under the hash of their bytes, compressed; against the part `base` where that is not "".
PARTS = Table(
    "parts",
    META,
    Column("hash", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("base", Text, nullable=False, server_default=""),
)

# Pages of a run in progress: what a killed run has already audited. Emptied when the run is finished.
DRAFTS = Table(
    "drafts",
    META,
    Column("run_id", Integer, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("part", Text, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("text_hash", Text, nullable=False),
    Column("notes", Text, nullable=False),
)

# Which page audit holds from which run to which; `run_to` is null while it still holds, so an unchanged night writes nothing here.
RUN_PAGES = Table(
    "run_pages",
    META,
    Column("id", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("run_from", Integer, nullable=False),
    Column("run_to", Integer),
    Column("part", Text, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("text_hash", Text, nullable=False),
    Column("notes", Text, nullable=False),
)

# The index over claims: what holds from which run to which; `first_seen` is the run that first met the statement anywhere.
CLAIMS = Table(
    "claims",
    META,
    Column("id", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("claim_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("overpromise", Float),
    Column("risk", Float),
    Column("first_seen", Integer, nullable=False),
    Column("run_from", Integer, nullable=False),
    Column("run_to", Integer),
)

# Who may sign in to the web app. A password is a scrypt string, or "" for one who comes through a proxy; sessions of an
# older epoch are void.
ACCOUNTS = Table(
    "accounts",
    META,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("products", Text, nullable=False),
    Column("password", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)

# Keys for scripts; only their hashes are kept.
ACCESS_KEYS = Table(
    "access_keys",
    META,
    Column("hash", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

# Audits on demand. state: queued | running | done | failed | cancelled. `input` is what to audit, `result` a packed Audit.
JOBS = Table(
    "jobs",
    META,
    Column("id", Text, primary_key=True),
    Column("product", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("attempts", Integer, nullable=False),
    Column("holder", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("input", LargeBinary, nullable=False),
    Column("result", LargeBinary),
)

# What people have decided about claims, where no file in their own repository is the source of truth. `said` is what the docs said then.
LEDGER = Table(
    "ledger",
    META,
    Column("product", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("claim", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("expires", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("acted_by", Text, nullable=False),
    Column("acted_at", Text, nullable=False),
)

# Every step of the ledger, append only.
LEDGER_LOG = Table(
    "ledger_log",
    META,
    Column("id", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("acted_by", Text, nullable=False),
    Column("acted_at", Text, nullable=False),
)

# What has been sent: once for each run and route, so that a killed run does not tell its news twice. The route "done": all were told; "closed":
# nothing is left to do for the run.
ALERTS = Table(
    "alerts",
    META,
    Column("run_id", Integer, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("product", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("sent_at", Text, nullable=False),
)
