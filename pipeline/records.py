"""Every record that flows through the pipeline: frozen dataclasses and enums, with invariants and no logic.

URL -> Fetched -> Page(Block...) -> Claim... -> Match(Claim, Passage...) -> Judgement -> PageScore -> PageAudit -> Audit.
Whatever can befall one page or document is a Problem, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.generality import Clone, PageCopy, Voice


class Verdict(StrEnum):
    """What a careful product marketing manager would say with the documentation open."""

    SUPPORTED = "supported"
    QUALIFIED = "qualified"
    PLANNED = "planned"
    CONTRADICTED = "contradicted"
    UNDOCUMENTED = "undocumented"
    EXTERNAL = "external"
    UNCHECKABLE = "uncheckable"


OVERPROMISES = frozenset({Verdict.QUALIFIED, Verdict.PLANNED, Verdict.CONTRADICTED, Verdict.UNDOCUMENTED})


class ClaimType(StrEnum):
    """What kind of thing a sentence says; a sentence may be of several."""

    CAPABILITY = "capability"
    INTEGRATION = "integration"
    QUANTITY = "quantity"
    COMPARISON = "comparison"
    SUPERLATIVE = "superlative"
    ABSOLUTE = "absolute"
    COMPLIANCE = "compliance"
    AVAILABILITY = "availability"
    COMPANY = "company"
    PUFFERY = "puffery"


class ConditionKind(StrEnum):
    """What a claim depends on when it is true only for some buyers."""

    PLAN = "plan"
    ADDON = "addon"
    BETA = "beta"
    PLATFORM = "platform"
    REGION = "region"
    LIMIT = "limit"
    HOSTING = "hosting"
    VERSION = "version"


class Relation(StrEnum):
    """What a documentation quote does to a claim."""

    SUPPORTS = "supports"
    LIMITS = "limits"
    PLANS = "plans"
    CONTRADICTS = "contradicts"
    RELATED = "related"


class BlockKind(StrEnum):
    """Where on a page a piece of text stands."""

    TITLE = "title"
    DESCRIPTION = "description"
    OPEN_GRAPH = "open_graph"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE_ROW = "table_row"
    TABLE_CELL = "table_cell"
    BUTTON = "button"
    ALT = "alt"
    QUOTE = "quote"
    CODE = "code"
    QUESTION = "question"
    ANSWER = "answer"
    JSON_LD = "json_ld"


class Region(StrEnum):
    """The part of a page: claims are read from `head` and `main` only."""

    HEAD = "head"
    MAIN = "main"
    NAV = "nav"
    FOOTER = "footer"
    ASIDE = "aside"  # comments and teasers of other posts around an article
    BANNER = "banner"


class Status(StrEnum):
    """Release state of a documented capability."""

    AVAILABLE = "available"
    BETA = "beta"
    PLANNED = "planned"
    DEPRECATED = "deprecated"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that kept a page or document from being read or judged.

    `kind` is a short stable word (`unreadable`, `empty`, `language`, `not_found`, `robots`, `address`, `too_large`,
    `timeout`, `tls`, `http_status`, `not_html`, `loop`, ...), `where` the path or URL, `message` one plain sentence
    with a remedy.
    """

    kind: str
    where: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One fetched URL. `body` is decoded from transfer and content encoding, not from its charset.

    `url` is the normalised URL asked for, `final_url` where redirects ended; header names are lower case;
    `not_modified` says that the server answered 304 and `body` is the stored one.
    """

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: str
    elapsed_s: float = 0.0
    redirects: tuple[str, ...] = ()
    not_modified: bool = False
    # What the gate noticed: `truncated` (the compressed stream was cut short), `rendered` (made by a browser).
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of text as a reader sees it, white space folded. `selector` is a CSS path (a line for Markdown)."""

    kind: BlockKind
    text: str
    selector: str
    region: Region = Region.MAIN
    level: int = 0
    heading_path: tuple[str, ...] = ()
    # A table row keeps its cells and the names of its columns, so that "Starter: SSO = no" can be said later.
    cells: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    # The lines of those cells that hold a list of several, in reading order: "Email / Phone / Chat" are three things to a reader.
    lines: tuple[str, ...] = ()
    # Text without markup where `text` must stay verbatim source (Markdown); empty means the same as `text`.
    reading: str = ""
    # How loud the block is to a visitor, 0-1; see page.prominence.
    prominence: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A read page or document: blocks in reading order. `source` is the URL, or the path relative to its SOURCE."""

    source: str
    title: str
    blocks: tuple[Block, ...]
    language: str = ""
    links: tuple[str, ...] = ()
    canonical: str = ""
    robots: str = ""
    hreflang: tuple[tuple[str, str], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """Conditions that a passage states or stands under; empty means that nothing is said."""

    plans: tuple[str, ...] = ()
    status: Status | None = None
    platforms: tuple[str, ...] = ()
    hosting: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A window of one documentation section. Every part occurs verbatim in `doc` (white space folded).

    `parts` are the paragraphs, list items, table rows or sentence runs that may be quoted; `readings` are the same without markup and
    with table rows said as "row: column = value"; `context` is the heading path and lead-in that a reader has in
    mind at this place.
    """

    doc: str
    heading_path: tuple[str, ...]
    parts: tuple[str, ...]
    readings: tuple[str, ...]
    context: str = ""
    facets: Facets = field(default_factory=Facets)
    order: int = 0

    @property
    def text(self) -> str:
        """Readings as one string."""
        return " ".join(self.readings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence, heading, item or button as shown. `text == block.text[start:end]` of block number `block`."""

    text: str
    block: int
    start: int
    end: int
    types: tuple[ClaimType, ...]
    checkable: bool
    checkable_score: float = 0.0
    generic: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What can be judged alone. `quote` is the sentence on the page; `text` may be a self-contained part of it."""

    id: str
    text: str
    quote: str = ""
    types: tuple[ClaimType, ...] = ()
    block: int = 0
    selector: str = ""
    start: int = 0
    end: int = 0
    prominence: float = 0.5
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A claim with its passages, best first; `scores` are the fused retrieval scores in the same order.

    `conditions` are passages that the claim's words did not find but that rule over the found ones: the opening of the
    same document where it names a plan or a beta, the rows of plan tables nearest to the claim, and sentences of the found documents that narrow what others promise. `coverage` is the share of the claim's
    words, weighted by rarity, that each passage holds; `unknown` are its words that no document holds.
    """

    claim: Claim
    passages: tuple[Passage, ...]
    scores: tuple[float, ...]
    similarities: tuple[float, ...] = ()
    coverage: tuple[float, ...] = ()
    covered: float = 0.0
    unknown: tuple[str, ...] = ()
    conditions: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the copy leaves out: `plan` / `Business and up`."""

    kind: ConditionKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A verbatim quote of a document and what it does to the claim; `score` in 0-1."""

    doc: str
    heading: str
    quote: str
    relation: Relation
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A retrieved passage; the top ten of the retrieval are kept for the reader."""

    doc: str
    quote: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one claim, with the quotes that carry it. `confidence` and `overpromise` are calibrated, 0-1."""

    claim: Claim
    verdict: Verdict
    confidence: float
    overpromise: float
    condition: Condition | None
    evidence: tuple[Evidence, ...]
    candidates: tuple[Candidate, ...]
    why: str
    remedy: str | None
    owner: str = "copy"
    risk: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageScore:
    """Few numbers, each with its denominator. None means not measured, which is never 0."""

    proof_rate: float | None
    overpromise_risk: float | None
    generic_share: float | None
    grade: str | None
    claims: int
    judged: int
    words: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAudit:
    """One audited page."""

    page: Page
    sentences: tuple[Sentence, ...]
    judgements: tuple[Judgement, ...]
    score: PageScore
    # How generic its copy is, and where; None when nobody looked.
    copy: PageCopy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undersold:
    """A documented capability that no audited page speaks of."""

    capability: str
    doc: str
    quote: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One run over pages and documentation."""

    product: str
    generated_at: str
    versions: Mapping[str, str]
    pages: tuple[PageAudit, ...]
    undersold: tuple[Undersold, ...]
    problems: tuple[Problem, ...]
    documents: int
    passages: int
    score: PageScore
    clones: tuple[Clone, ...] = ()
    voices: tuple[Voice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """The numbers of one past run, as a chart shows them; `at` is ISO 8601 text. None means not measured.

    `instrument` is true where models or configuration changed since the point before: the two cannot be compared, so the line
    breaks there.
    """

    at: str
    proof_rate: float | None
    overpromise_risk: float | None
    generic_share: float | None
    claims: int
    judged: int
    instrument: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A finding that came, went or turned. `page` is the page's source; `before` or `after` is None where the claim did not stand."""

    page: str
    claim: str
    before: Verdict | None
    after: Verdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What became of the findings since the run of `since` (ISO 8601 text); `unchanged` findings are only counted."""

    since: str
    new: tuple[Change, ...] = ()
    fixed: tuple[Change, ...] = ()
    worsened: tuple[Change, ...] = ()
    returned: tuple[Change, ...] = ()
    unchanged: int = 0
