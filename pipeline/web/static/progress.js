// Shows how far an audit is: a stream of events, or asking every two seconds where the stream does not come through.
(() => {
  "use strict";
  const card = document.getElementById("progress");
  if (!card) return;
  const stage = document.getElementById("stage");
  const bar = document.getElementById("bar");
  const count = document.getElementById("count");
  const base = "/audits/" + encodeURIComponent(card.dataset.job);
  let polling = false;

  function show(now) {
    if (now.ended) {
      location.reload();
      return;
    }
    if (stage.textContent !== now.stage) stage.textContent = now.stage;
    if (now.total) {
      bar.max = now.total;
      bar.value = now.done;
      count.textContent = now.done + " of " + now.total;
    } else {
      bar.removeAttribute("value");
      count.textContent = "\u00a0";
    }
  }

  async function poll() {
    try {
      const answer = await fetch(base + "/state", { headers: { Accept: "application/json" } });
      if (answer.ok) show(await answer.json());
      else if (answer.status === 401 || answer.status === 404) location.reload();
    } catch {
      // The server is away for a moment; ask again.
    }
    setTimeout(poll, 2000);
  }

  const stream = new EventSource(base + "/events");
  stream.onmessage = (event) => show(JSON.parse(event.data));
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED && !polling) {
      polling = true;
      poll();
    }
  };
})();
