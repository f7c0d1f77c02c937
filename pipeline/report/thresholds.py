"""Every step, cut and length of the report in one place, each with where it comes from.

None of them changes a verdict or a score: they only say in which words, in which order and how much of it is shown.
"""

from __future__ import annotations

# Below this confidence a finding is shown apart, as worth a look. Set by eye on the demo product, where it keeps bylines, dates and slogans
# out of the first ten; chance among seven verdicts is 0.14. It does not part right from wrong among whole sentences: on the demo's answer key
# 18 of 21 findings above it and 20 of 21 below it are overpromises.
SURE_FROM = 0.4
# A claim of fewer words is a label, not a sentence ("Geofenced clock-in"), and so is a page title with bars in it: what is said stands
# elsewhere on the page, so the finding is worth a look, never sure; nor is a question. 24 of the demo's 105 findings are so short.
SENTENCE_WORDS = 5

# Overpromise risk of 0-100: up to which value which words are said. The steps are those of the grades A, B, C and D (score.GRADES).
RISK_STEPS = (
    (8.0, "Low: little is promised beyond the docs."),
    (18.0, "Moderate: some promises go beyond the docs."),
    (32.0, "Raised: many promises go beyond the docs."),
    (50.0, "High: much of the copy goes beyond the docs."),
)
RISK_ABOVE = "Very high: most of the copy goes beyond the docs."
# Generic share of 0-100; set by eye on labelled pages, whose shares lie between 15 and 80.
GENERIC_STEPS = (
    (20.0, "Most of the copy could only be about this product."),
    (45.0, "Some copy would fit any competitor."),
    (70.0, "Much of the copy would fit any competitor."),
)
GENERIC_ABOVE = "Most of the copy would fit any competitor."
# A sentence from this score on is listed as generic when it has so many words; a short heading is generic by nature.
GENERIC_FROM = 0.5
GENERIC_WORDS = 5

# Five shades of a heat map. A risk of 80 is as hot as it gets; no labelled page reaches more.
HEAT_SHADES = 5
HOTTEST_RISK = 80.0
# A difference from the last run smaller than this is "as before": 1 point of 100 is less than one claim on a usual page.
SAME_POINTS = 1.0

# A condition of more words than this is a quote of the docs, not a name: the headline leaves it to the quote beside it.
CONDITION_WORDS = 6
# What can be offered as wording: neither a label nor a paragraph.
OFFER_WORDS = (4, 40)

# How many are shown; everything beyond is counted in words beside the list, and stands in CSV, XLSX and JSON.
MOST_FIRST = 10
MOST_GENERIC = 15
MOST_UNDERSOLD = 10
MOST_CHANGES = 5
MOST_PAGE_ROWS = 40
MOST_CARDS = 400
MOST_ANNOTATED = 60
# A first path part is a section when so many pages share it; others are gathered as single pages.
SECTION_PAGES = 2
