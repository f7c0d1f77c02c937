"""The web app: who may see and do what, forms, errors in one shape, headers, hostile text."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from sample_audit import hostile
from web_house import PASSWORD, Town, config, token, town

from pipeline.errors import UsageError
from pipeline.store.jobs import Order
from pipeline.web.faults import Fault
from pipeline.web.guard import networks
from pipeline.web.limits import Limits
from pipeline.web.products import products_of
from pipeline.web.sessions import Sessions, signing_key
from pipeline.web.settings import flat, masked
from pipeline.web.sign_in import inside

PAGES = ["/", "/desk", "/audits", "/history", "/claims", "/ledger", "/settings"]


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Iterator[Town]:
    with town(tmp_path) as made:
        yield made


@pytest.fixture
def people(place: Town) -> Town:
    place.account("anna", "viewer", ("Acme",))
    place.account("rita", "reviewer", ("Acme",))
    place.account("bert", "reviewer", ("Bolt",))
    place.account("root", "admin", ("*",))
    return place


# Who gets in


def test_without_accounts_everything_is_open_but_only_by_loopback_names(place: Town) -> None:
    for path in PAGES:
        assert place.client.get(path).status_code == 200, path
    answer = place.client.get("/", headers={"Host": "attacker.example"})
    assert answer.status_code == 421 and answer.json()["error"]["code"] == "host"


def test_with_accounts_every_page_asks_to_sign_in_and_leads_back(people: Town) -> None:
    for path in [*PAGES, "/audits/x", "/audits/x/state", "/audits/x/events", "/audits/x/export/pdf", "/runs/1", "/compare?before=1&after=2"]:
        answer = people.visitor().get(path)
        assert answer.status_code == 401 and "Sign in" in answer.text, path
    for path in ["me", "audits", "audits/x", "audits/x/result", "runs", "runs/1", "claims"]:
        answer = people.visitor().get(f"/api/v1/{path}")
        assert answer.status_code == 401 and answer.json()["error"]["code"] == "sign_in", path
    visitor = people.visitor()
    form = token(visitor, "/audits?state=done")
    answer = visitor.post("/sign-in", data={"name": "anna", "password": PASSWORD, "to": "/audits?state=done", "token": form})
    assert answer.status_code == 200 and str(answer.url).endswith("/audits?state=done") and "anna" in answer.text


def test_a_wrong_password_says_nothing_of_which_part_was_wrong(people: Town) -> None:
    said = []
    for name in ("anna", "nobody"):
        visitor = people.visitor()
        answer = visitor.post("/sign-in", data={"name": name, "password": "wrong", "token": token(visitor, "/sign-in")})
        assert answer.status_code == 401
        said.append(BeautifulSoup(answer.text, "lxml").select_one(".said").text)
    assert said[0] == said[1]


def test_signing_in_changes_the_session_and_signing_out_ends_it_everywhere(people: Town) -> None:
    visitor = people.visitor()
    visitor.get("/sign-in")
    before = visitor.cookies["saysdoes"]
    anna = people.visitor("anna")
    assert anna.cookies["saysdoes"] != before
    copy = dict(anna.cookies)
    assert anna.post("/sign-out", data={"token": token(anna)}).url.path == "/sign-in"
    stolen = people.visitor()
    stolen.cookies.update(copy)
    assert stolen.get("/").status_code == 401


def test_cookies_are_signed_http_only_same_site_and_secure_behind_tls(people: Town, tmp_path: pathlib.Path) -> None:
    set_cookie = people.visitor().get("/sign-in").headers["set-cookie"]
    assert "HttpOnly" in set_cookie and "SameSite=Lax" in set_cookie and "Secure" not in set_cookie
    forged = people.visitor()
    forged.cookies.set("saysdoes", people.visitor("anna").cookies["saysdoes"][:-2] + "xx")
    assert forged.get("/").status_code == 401
    (tmp_path / "tls").mkdir()
    with town(tmp_path / "tls", config(https=True)) as secure:
        answer = secure.client.get("/")
        assert "; Secure" in answer.headers["set-cookie"] and "max-age" in answer.headers["strict-transport-security"]


def test_a_proxy_header_is_believed_from_trusted_addresses_only(tmp_path: pathlib.Path) -> None:
    made = config(proxy_header="X-User", trusted_proxies=["10.0.0.0/8"])
    with town(tmp_path, made) as place:
        inside_net = TestClient(place.app, base_url="http://app.example", client=("10.1.2.3", 1))
        outside = TestClient(place.app, base_url="http://app.example", client=("192.0.2.7", 1))
        assert inside_net.get("/api/v1/me", headers={"X-User": "ben"}).json() == {"name": "ben", "role": "viewer", "products": ["Bolt"]}
        assert outside.get("/api/v1/me", headers={"X-User": "ben"}).status_code == 401
        assert inside_net.get("/api/v1/me", headers={"X-User": "stranger"}).status_code == 401
        assert inside_net.get("/api/v1/me").status_code == 401
        place.home.accounts.put("ben", role="reviewer", products=("Acme",), password=None)
        assert inside_net.get("/api/v1/me", headers={"X-User": "ben"}).json()["products"] == ["Acme", "Bolt"]
        form = re.search(r'name="token" value="(\w+)"', inside_net.get("/", headers={"X-User": "ben"}).text).group(1)
        answer = inside_net.post("/audits", data={"text": "x", "product": "Acme", "token": form}, headers={"X-User": "ben"})
        assert "/audits/" in str(answer.url)
    with pytest.raises(UsageError, match="trusted_proxies"), town(tmp_path, config(proxy_header="X-User")):
        pass


# Products stay apart


def test_nothing_of_one_product_reaches_users_of_another(people: Town) -> None:
    ident = people.done(hostile("ACME-SECRET-WORDS"), product="Acme")
    run = people.home.jobs.get(ident).summary["run"]
    waiting = people.home.jobs.add(Order(kind="text", name="t", body=b"x"), product="Acme", owner="anna", title="ACME-SECRET-WORDS", most=9, most_own=9).id
    anna, bert = people.visitor("anna"), people.visitor("bert")
    urls = [f"/audits/{ident}", f"/audits/{ident}/state", f"/audits/{ident}/export/csv", f"/audits/{waiting}", f"/audits/{waiting}/events",
            f"/runs/{run}", f"/compare?before={run}&after={run}", f"/api/v1/audits/{ident}", f"/api/v1/audits/{ident}/result",
            f"/api/v1/audits/{ident}/export/md", f"/api/v1/runs/{run}", f"/api/v1/runs/{run}/compare/{run}", "/claims?product=Acme",
            "/history?product=Acme", "/desk?product=Acme", "/?product=Acme", "/audits?product=Acme", "/api/v1/claims?product=Acme",
            "/api/v1/audits?product=Acme", "/api/v1/runs?product=Acme"]  # fmt: skip
    for url in urls:
        if not url.endswith("/events"):
            assert anna.get(url).status_code == 200, url
        answer = bert.get(url)
        assert answer.status_code == 404 and "SECRET" not in answer.text, url
    for url in [*PAGES, "/api/v1/audits", "/api/v1/runs", "/api/v1/claims", "/api/v1/me"]:
        answer = bert.get(url)
        assert answer.status_code == 200 and "SECRET" not in answer.text and "Acme" not in answer.text, url
    assert bert.get(f"/api/v1/claims?run={run}").status_code == 404
    sent = {"X-CSRF-Token": token(bert)}
    assert bert.delete(f"/api/v1/audits/{waiting}", headers=sent).status_code == 404
    assert bert.post("/api/v1/audits", json={"product": "Acme", "text": "x"}, headers=sent).status_code == 404
    assert bert.post("/api/v1/desk", json={"product": "Acme", "text": "x"}, headers=sent).status_code == 404
    assert people.home.jobs.get(waiting).state == "queued"
    # A file that does not exist and one that is not yours look the same.
    assert bert.get("/audits/nothing").text.replace("nothing", "") == bert.get(f"/audits/{ident}").text.replace(ident, "")


def test_a_key_acts_for_its_account_alone(people: Town) -> None:
    ident = people.done(product="Acme")
    key = people.home.accounts.new_key("bert")
    script = TestClient(people.app, base_url="http://localhost", headers={"Authorization": f"Bearer {key}"})
    assert script.get("/api/v1/me").json() == {"name": "bert", "role": "reviewer", "products": ["Bolt"]}
    assert script.get(f"/api/v1/audits/{ident}").status_code == 404
    assert script.post("/api/v1/audits", json={"text": "Copy."}).status_code == 202
    wrong = script.get("/api/v1/me", headers={"Authorization": "Bearer sd_wrong"})
    assert wrong.status_code == 401 and wrong.json()["error"]["code"] == "key"


# Changes need the session's token


def test_changes_need_the_token_of_the_same_session(people: Town) -> None:
    anna, other = people.visitor("anna"), people.visitor("anna")
    for sent in ({}, {"token": ""}, {"token": "0" * 64}, {"token": token(other)}):
        answer = anna.post("/audits", data={"text": "Copy.", **sent})
        assert answer.status_code == 403, sent
    good = token(anna)
    cross = anna.post("/audits", data={"text": "Copy.", "token": good}, headers={"Origin": "https://evil.example"})
    assert cross.status_code == 403
    cross = anna.post("/audits", data={"text": "Copy.", "token": good}, headers={"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 403
    assert anna.post("/api/v1/audits", json={"text": "Copy."}).status_code == 403
    assert anna.post("/sign-out", data={}).status_code == 403
    assert people.home.jobs.listed(["Acme"])[1] == 0
    assert anna.post("/audits", data={"text": "Copy.", "token": good}, headers={"Origin": "http://localhost"}).status_code == 200
    assert people.home.jobs.listed(["Acme"])[1] == 1


def test_without_accounts_scripts_need_no_token_but_pages_of_other_sites_get_nowhere(place: Town) -> None:
    body = {"product": "Acme", "text": "Copy."}
    assert place.visitor().post("/api/v1/audits", json=body).status_code == 202
    assert place.visitor().post("/api/v1/audits", json=body, headers={"Origin": "https://evil.example"}).status_code == 403
    assert place.visitor().post("/api/v1/audits", json=body, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    # A form of another site cannot send JSON.
    assert place.visitor().post("/api/v1/audits", content='{"text": "x"}', headers={"Content-Type": "text/plain"}).status_code == 422


def test_cancelling_is_for_the_owner_and_reviewers(people: Town) -> None:
    def waiting() -> str:
        return people.home.jobs.add(Order(kind="text", name="t", body=b"x"), product="Acme", owner="anna", title="t", most=9, most_own=9).id

    people.account("vera", "viewer", ("Acme",))
    vera, anna, rita = people.visitor("vera"), people.visitor("anna"), people.visitor("rita")
    first, second = waiting(), waiting()
    refused = vera.post(f"/audits/{first}/cancel", data={"token": token(vera)})
    assert refused.status_code == 403 and people.home.jobs.get(first).state == "queued"
    assert "Cancelled" in anna.post(f"/audits/{first}/cancel", data={"token": token(anna)}).text
    assert rita.delete(f"/api/v1/audits/{second}", headers={"X-CSRF-Token": token(rita)}).status_code == 204
    again = rita.delete(f"/api/v1/audits/{second}", headers={"X-CSRF-Token": token(rita)})
    assert again.status_code == 409 and people.home.jobs.get(second).state == "cancelled"


def test_decisions_are_for_reviewers_and_need_their_words(people: Town) -> None:
    ident = people.done(product="Acme")
    anna, rita, bert = people.visitor("anna"), people.visitor("rita"), people.visitor("bert")
    assert "Accept or waive" not in anna.get(f"/audits/{ident}").text and anna.get(f"/ledger/new?audit={ident}&finding=1").status_code == 403
    assert "Accept or waive" in rita.get(f"/audits/{ident}").text and bert.get(f"/ledger/new?audit={ident}&finding=1").status_code == 404
    assert rita.get(f"/ledger/new?audit={ident}&finding=999").status_code == 404
    form = BeautifulSoup(rita.get(f"/ledger/new?audit={ident}&finding=1").text, "lxml")
    claim = form.select_one("input[name=claim]")["value"]
    sent = {"token": token(rita), "product": "Acme", "claim": claim, "decision": "waive", "owner": "Rita", "reason": "", "expires": "2099-01-31",
            "back": f"/audits/{ident}#f1"}  # fmt: skip
    lacking = rita.post("/ledger/decide", data=sent)
    assert lacking.status_code == 422 and "reason" in BeautifulSoup(lacking.text, "lxml").select_one("[role=alert]").text
    assert 'value="Rita"' in lacking.text and people.client.get("/").status_code == 401
    page = rita.post("/ledger/decide", data=sent | {"reason": "Agreed with legal."})
    assert page.status_code == 200 and "Waived until 2099-01-31" in BeautifulSoup(page.text, "lxml").select_one("#f1").text
    for path in ("/ledger", "/ledger?state=waived"):
        assert "Agreed with legal." in anna.get(path).text and claim not in bert.get(path).text
    assert claim not in anna.get("/ledger?state=accepted").text
    for who, wanted in ((anna, 403), (bert, 404)):
        refused = who.post("/ledger/decide", data={"token": token(who), "product": "Acme", "claim": claim, "decision": "reopen"})
        assert refused.status_code == wanted
    assert rita.post("/ledger/decide", data={"token": token(rita), "claim": claim, "decision": "king"}).status_code == 422
    rita.post("/ledger/decide", data={"token": token(rita), "claim": claim, "decision": "reopen"})
    assert "Waived" not in BeautifulSoup(rita.get(f"/audits/{ident}").text, "lxml").select_one("#f1").text


def test_the_ledger_of_the_api(people: Town) -> None:
    key = people.home.accounts.new_key("rita")
    script = TestClient(people.app, base_url="http://localhost", headers={"Authorization": f"Bearer {key}"})
    made = script.post("/api/v1/ledger", json={"claim": "Every plan has it.", "decision": "accept", "evidence": "Contract 7"})
    assert made.status_code == 200 and made.json()["state"] == "accepted" and made.json()["by"] == "rita"
    listed = script.get("/api/v1/ledger?state=accepted").json()
    assert [e["claim"] for e in listed["items"]] == ["Every plan has it."] and listed["total"] == 1 and listed["next"] is None
    assert script.post("/api/v1/ledger", json={"claim": "New.", "decision": "waive"}).json()["error"]["code"] == "decision"
    other = TestClient(people.app, base_url="http://localhost", headers={"Authorization": f"Bearer {people.home.accounts.new_key('bert')}"})
    assert other.get("/api/v1/ledger").json()["items"] == [] and other.get("/api/v1/ledger?product=Acme").status_code == 404
    viewer = TestClient(people.app, base_url="http://localhost", headers={"Authorization": f"Bearer {people.home.accounts.new_key('anna')}"})
    assert viewer.post("/api/v1/ledger", json={"claim": "x", "decision": "accept", "evidence": "y"}).status_code == 403


# What can be handed in


def test_an_order_is_a_url_a_text_or_a_file_of_a_known_kind(place: Town) -> None:
    def send(files: dict[str, tuple[str, bytes]] | None = None, **data: str) -> tuple[int, str]:
        answer = place.client.post("/audits", data={"product": "Acme", "token": token(place.client), **data}, files=files)
        return answer.status_code, BeautifulSoup(answer.text, "lxml").select_one("h1").text

    place.home.config.web.__dict__["queue_own"] = 99
    assert send() == (422, "Nothing was given.")
    assert send(url="https://a.example", text="x") == (422, "More than one thing was given.")
    assert send(url="not an address")[0] == 422 and send(url="file:///etc/passwd")[0] == 422 and send(url="https://a.example/\x01")[0] == 422
    assert send(url="www.example.com/pricing")[1] == "https://www.example.com/pricing"
    assert send(text="# Plans\n\nAll of it.") == (200, "Plans")
    assert send({"file": ("../../etc/page.md", b"# Hi")}) == (200, "page.md")
    assert send({"file": ("C:\\x\\deck.pptx", b"zip")}) == (200, "deck.pptx")
    assert send({"file": ("a.exe", b"MZ")})[0] == 422 and send({"file": ("noname", b"x")})[0] == 422 and send({"file": ("a.md", b"")})[0] == 422
    assert send(text="x" * (513 * 1024))[0] == 413
    big = place.client.post("/audits", data={"token": token(place.client)}, files={"file": ("a.md", b"x" * (12 * 2**20))})
    assert big.status_code == 413
    assert send(text="x", product="Nothing")[0] == 404 and send(text="x", product="")[0] == 422


def test_a_full_queue_and_too_many_requests_answer_429_with_words(tmp_path: pathlib.Path) -> None:
    with town(tmp_path, config(queue_own=1, requests_per_minute=30, sign_ins_per_minute=2)) as place:
        body = {"product": "Acme", "text": "Copy."}
        assert place.client.post("/api/v1/audits", json=body).status_code == 202
        full = place.client.post("/api/v1/audits", json=body)
        assert full.status_code == 429 and full.json()["error"]["code"] == "queue_full" and full.headers["retry-after"]
        answers = [place.client.get("/api/v1/me") for _ in range(40)]
        assert answers[-1].status_code == 429 and answers[-1].json()["error"]["code"] == "too_many"
        place.account("anna")
        visitor = place.visitor()
        # Guessing is limited by address and by name.
        tries = [place.home.limits.take("sign_in", "name anna") for _ in range(2)]
        assert tries == [None, None]
        with pytest.raises(Fault, match="Too many"):
            place.home.limits.take("sign_in", "name anna")
        assert visitor.get("/static/web.css").status_code == 200


def test_limits_refill_with_time() -> None:
    now = [0.0]
    limits = Limits({"desk": (2, 60.0), "free": (0, 60.0)}, clock=lambda: now[0])
    limits.take("desk", "anna")
    limits.take("desk", "anna")
    limits.take("desk", "ben")
    with pytest.raises(Fault) as full:
        limits.take("desk", "anna")
    assert full.value.status == 429 and 30 <= int(full.value.headers["Retry-After"]) <= 31
    now[0] = 31.0
    limits.take("desk", "anna")
    for _ in range(100):
        limits.take("free", "anna")


# Answers


def test_every_error_of_the_api_has_one_shape(place: Town) -> None:
    calls = [("GET", "/api/v1/nothing", 404), ("PUT", "/api/v1/audits", 405), ("GET", "/api/v1/audits/x", 404), ("GET", "/api/v1/audits?limit=0", 422),
             ("GET", "/api/v1/audits?offset=-1", 422), ("GET", "/api/v1/runs/99999999999999999999", 422), ("GET", "/api/v1/claims?verdict=x", 422),
             ("GET", "/api/v1/runs/5?product=Acme", 404)]  # fmt: skip
    for method, path, status in calls:
        answer = place.client.request(method, path)
        assert answer.status_code == status, path
        assert set(answer.json()) == {"error"} and set(answer.json()["error"]) == {"code", "message", "remedy"}, path
    for content in ("{", "[]", '{"text": 1}', '{"text": "a", "extra": 1}', "null", '"\\ud800"'):
        answer = place.client.post("/api/v1/audits", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422 and "error" in answer.json(), content
    assert place.client.get("/nothing").status_code == 404


def test_lists_come_in_pages(place: Town) -> None:
    made = [place.home.jobs.add(Order(kind="text", name="t", body=b"x"), product="Acme", owner="a", title=str(n), most=99, most_own=99).id for n in range(5)]
    first = place.client.get("/api/v1/audits?limit=2&product=Acme").json()
    assert [i["title"] for i in first["items"]] == ["4", "3"] and first["total"] == 5 and first["next"] == 2
    last = place.client.get("/api/v1/audits?limit=2&offset=4").json()
    assert [i["id"] for i in last["items"]] == made[:1] and last["next"] is None


def test_headers_forbid_inline_script_frames_and_sniffing(place: Town) -> None:
    ident = place.done()
    for path in ["/", "/desk", f"/audits/{ident}", "/nothing", "/api/v1/me", "/static/desk.js", "/sign-in"]:
        headers = place.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy, path
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY" and "server" not in headers, path
        if not path.startswith("/static/"):
            assert headers["cache-control"] == "no-store", path


def test_pages_hold_no_inline_script_style_or_handler(place: Town) -> None:
    ident = place.done()
    for path in [*PAGES, f"/audits/{ident}", "/sign-in", "/nothing"]:
        soup = BeautifulSoup(place.client.get(path).text, "lxml")
        assert not soup.select("style, [style]") and all(s.get("src") and not s.text for s in soup.select("script")), path
        assert not [t for t in soup.find_all(True) if any(a.startswith("on") for a in t.attrs)], path
        assert soup.title.text.strip() and soup.html["lang"] == "en" and len(soup.select("main")) == 1 and len(soup.select("h1")) == 1, path
        labelled = {label["for"] for label in soup.select("label[for]")}
        for field in soup.select("input:not([type=hidden]), select, textarea"):
            assert field.get("id") in labelled, (path, field)


def test_a_result_shows_both_quotes_the_verdict_in_words_and_every_form(place: Town) -> None:
    ident = place.done()
    soup = BeautifulSoup(place.client.get(f"/audits/{ident}").text, "lxml")
    first = soup.select_one("article.finding")
    assert "The page says" in first.text and "The docs say" in first.text and "What to do:" in first.text and soup.select_one("#f1")
    assert len(soup.select("article.finding[id]")) == sum(len(p["claims"]) and sum(c["verdict"] in {"qualified", "planned", "contradicted", "undocumented"} for c in p["claims"])
                                                           for p in place.client.get(f"/api/v1/audits/{ident}/result").json()["pages"])  # fmt: skip
    for link in soup.select("a[href^='#']"):
        assert soup.find(id=link["href"][1:]), link
    for form, start in (("html", b"<!doctype html>"), ("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf"), ("md", b"# "), ("json", b"{"), ("sarif", b"{")):
        answer = place.client.get(f"/audits/{ident}/export/{form}")
        assert answer.status_code == 200 and answer.content.startswith(start) and answer.headers["content-disposition"].endswith(f'pricing.{form}"'), form
    assert place.client.get(f"/audits/{ident}/export/exe").status_code == 404
    waiting = place.home.jobs.add(Order(kind="text", name="t", body=b"x"), product="Acme", owner="a", title="t", most=9, most_own=9).id
    assert place.client.get(f"/audits/{waiting}/export/csv").status_code == 409


def test_the_desk_answers_with_and_without_script(place: Town) -> None:
    answer = place.client.post("/api/v1/desk", json={"product": "Acme", "text": "One.\nTwo."}, headers={"X-CSRF-Token": token(place.client)})
    assert [r["text"] for r in answer.json()["sentences"]] == ["One.", "Two."]
    page = place.client.post("/desk", data={"product": "Acme", "text": "One.\r\nTwo.", "token": token(place.client)})
    assert [p.text for p in BeautifulSoup(page.text, "lxml").select("#rows li > p:first-child")] == ["One.", "Two."]
    long = place.client.post("/api/v1/desk", json={"product": "Acme", "text": "x" * 20_001}, headers={"X-CSRF-Token": token(place.client)})
    assert long.status_code == 422


# Small parts


def test_sign_in_leads_only_to_pages_of_this_server() -> None:
    assert inside("/audits?a=b") == "/audits?a=b"
    for target in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\nb"):
        assert inside(target) == "/", target


def test_settings_hide_secrets(place: Town) -> None:
    made = masked({"store": {"url": "postgresql://sd:hunter2@db/x"}, "smtp_password": "hunter2", "hook": "https://h.example/?token=hunter2&a=1", "plain": ["a"]})
    assert "hunter2" not in str(made) and made["plain"] == ["a"] and "sd:" in made["store"]["url"]
    assert dict(flat({"a": {"b": [1, 2]}, "c": []})) == {"a.b": "1, 2", "c": "none"}
    assert "web.queue_own" in place.client.get("/settings").text


def test_settings_are_for_administrators(people: Town) -> None:
    assert "web.queue_own" not in people.visitor("rita").get("/settings").text
    assert "web.queue_own" in people.visitor("root").get("/settings").text


def test_the_signing_key_is_private_and_stays(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAYSDOES_KEY", raising=False)
    store = str(tmp_path / "store.sqlite")
    key = signing_key(store)
    assert signing_key(store) == key and len(key) >= 32 and (tmp_path / "store.sqlite.key").stat().st_mode & 0o077 == 0
    sessions = Sessions(key, hours=1)
    made = sessions.new("anna", 3)
    assert sessions.read(sessions.cookie(made)) == made and sessions.token_fits(made, sessions.token(made))
    assert Sessions(b"x" * 40, hours=1).read(sessions.cookie(made)) is None and sessions.read("") is None
    monkeypatch.setenv("SAYSDOES_KEY", "short")
    with pytest.raises(UsageError, match="32"):
        signing_key(store)


def test_products_are_checked_when_the_server_starts() -> None:
    both = config().model_copy(update={"docs": ["x"]})
    with pytest.raises(UsageError, match="move the latter"):
        products_of(both)
    with pytest.raises(UsageError, match="No documentation"):
        products_of(config().model_copy(update={"products": []}))
    with pytest.raises(UsageError, match="twice"):
        products_of(config().model_copy(update={"products": [*config().products, config().products[0]]}))
    with pytest.raises(UsageError, match="trusted_proxies"):
        networks(["nonsense"])


def test_hostile_text_is_shown_and_never_runs(place: Town, shared: pathlib.Path) -> None:
    payloads = (shared / "suites" / "xss" / "JHADDIX_XSS.txt").read_text(encoding="utf-8", errors="replace").splitlines()[:80]
    for text in [*payloads[::8], "</textarea><script>alert(1)</script>", "\u202eevil\x00", '"><img src=x onerror=alert(1)>']:
        ident = place.done(hostile(text), title=text[:80] or "x")
        for path in (f"/audits/{ident}", "/audits", "/", f"/runs/{place.home.jobs.get(ident).summary['run']}", "/claims?product=Acme"):
            answer = place.client.get(path)
            assert answer.status_code == 200, path
            soup = BeautifulSoup(answer.text, "lxml")
            assert not [t for t in soup.find_all(True) if any(a.startswith("on") for a in t.attrs)], (path, text)
            assert all((s.get("src") or "").startswith("/static/") for s in soup.select("script")), (path, text)
            assert all(i.get("src") == "/static/mark.svg" for i in soup.select("img")), (path, text)
            assert not [a for a in soup.select("a[href]") if not re.match(r"(/|#|https?://)", a["href"])], (path, text)


