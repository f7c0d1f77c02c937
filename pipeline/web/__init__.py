"""The web app: audits on demand, the writing desk, history and the ledger, for people (pages) and scripts (JSON under /api/v1).

In reading order: products, people, sessions, guard (who may do what), faults (one error shape), worker and foreman (where
audits run), shown (records to what templates show), pages, api, app.
"""
