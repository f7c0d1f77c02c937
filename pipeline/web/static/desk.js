// The writing desk: sends the text a moment after the last key, shows each sentence with its verdict beneath it.
// Everything from the server is set as text, never as HTML.
(() => {
  "use strict";
  const form = document.getElementById("desk");
  const text = document.getElementById("text");
  const list = document.getElementById("rows");
  const empty = document.getElementById("empty");
  const said = document.getElementById("said");
  const product = form.elements.namedItem("product");
  const PAUSE = 250;
  let timer = 0;
  let turn = 0;

  function make(tag, className, content) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (content !== undefined) node.textContent = content;
    return node;
  }

  function verdict(claim, sentence) {
    const box = make("details", "verdict v-" + claim.verdict);
    const head = make("summary");
    const sign = make("span", "sign v-" + claim.verdict, claim.sign);
    sign.setAttribute("aria-hidden", "true");
    head.append(sign, make("span", "ink v-" + claim.verdict, claim.headline));
    if (!claim.sure) head.append(make("span", "pill", "worth a look"));
    box.append(head);
    if (claim.claim !== sentence) box.append(make("p", "small soft", "The part in question: \u201c" + claim.claim + "\u201d"));
    box.append(make("p", "small", claim.why));
    const first = claim.evidence[0];
    if (first) {
      const quote = make("blockquote", "small", "\u201c" + claim.said + "\u201d ");
      quote.append(make("span", "soft", first.doc + (first.heading ? " \u203a " + first.heading : "")));
      box.append(quote);
    }
    if (claim.task) {
      const task = make("p", "small");
      task.append(make("strong", "", "What to do: "), claim.task);
      box.append(task);
    }
    if (claim.offer) {
      const offer = make("p", "small");
      offer.append(make("strong", "", "In the docs\u2019 words: "), make("q", "", claim.offer));
      box.append(offer);
    }
    return box;
  }

  function line(row) {
    const item = make("li");
    item.dataset.key = row.text;
    item.append(make("p", "", row.text));
    if (row.pending) item.append(make("p", "small soft nothing", "checking \u2026"));
    else if (!row.claims.length) item.append(make("p", "small soft nothing", "Nothing to check"));
    else row.claims.forEach((claim) => item.append(verdict(claim, row.text)));
    return item;
  }

  // Lines that stay keep their element, and with it what the reader has opened.
  function show(rows) {
    const known = new Map();
    for (const item of list.children) if (item.dataset.key && !item.dataset.pending) known.set(item.dataset.key, item);
    const fresh = rows.map((row) => {
      const old = known.get(row.text);
      if (old && !row.pending) {
        known.delete(row.text);
        return old;
      }
      const item = line(row);
      if (row.pending) item.dataset.pending = "1";
      return item;
    });
    list.replaceChildren(...fresh);
    empty.hidden = rows.length > 0;
  }

  function tell(rows) {
    const claims = rows.flatMap((row) => row.claims);
    const wrong = claims.filter((c) => ["contradicted", "planned", "qualified", "undocumented"].includes(c.verdict)).length;
    if (!claims.length) return "Nothing to check yet.";
    return claims.length + (claims.length === 1 ? " claim, " : " claims, ") + (wrong ? wrong + " to fix." : "nothing to fix.");
  }

  async function send() {
    const mine = ++turn;
    if (!text.value.trim()) {
      show([]);
      said.textContent = "Nothing is stored: the text stays on this page.";
      return;
    }
    said.textContent = "Checking \u2026";
    let answer;
    try {
      answer = await fetch("/api/v1/desk", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": form.dataset.token },
        body: JSON.stringify({ product: product ? product.value : "", text: text.value }),
      });
    } catch {
      if (mine === turn) {
        said.textContent = "The server cannot be reached. Trying again \u2026";
        later(3000);
      }
      return;
    }
    if (mine !== turn) return;
    const body = await answer.json();
    if (mine !== turn) return;
    if (!answer.ok) {
      said.textContent = body.error.message + " " + body.error.remedy;
      if (answer.status === 503 || answer.status === 429) later(1000 * Number(answer.headers.get("Retry-After") || 3));
      return;
    }
    show(body.sentences);
    if (body.sentences.some((row) => row.pending)) send();
    else said.textContent = tell(body.sentences);
  }

  function later(wait) {
    clearTimeout(timer);
    timer = setTimeout(send, wait);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    later(0);
  });
  text.addEventListener("input", () => {
    turn += 1;
    later(PAUSE);
  });
  if (product && product.tagName === "SELECT")
    product.addEventListener("change", () => {
      show([]);
      later(0);
    });
  if (text.value.trim()) later(0);
})();
