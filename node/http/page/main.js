// ---- Asking again and again

const shown = { status: null, at: 0, last_event: 0, why: "" };
const kLostAfterMs = 4000;

function show() {
  const since_ms = shown.status ? performance.now() - shown.at : performance.now();
  if (since_ms > kLostAfterMs) show_lost(shown.status, since_ms, shown.why || "no answer");
  else if (shown.status) show_headline(shown.status);
  if (shown.status) {
    $("freshness").textContent = `, ${ago(shown.status.age_ms + since_ms)}`;
    show_matrix(shown.status, since_ms);
    show_nodes(shown.status, since_ms);
    show_garbage(shown.status, since_ms);
    offer_pairs(shown.status);
  }
  draw_chart();
}

async function look() {
  try {
    const status = await ask("api/v1/status");
    shown.status = status;
    shown.at = performance.now();
    shown.why = "";
    const events = await ask("api/v1/events?after=" + shown.last_event);
    // A node that was started anew counts from one again.
    if (events.last < shown.last_event) { shown.last_event = 0; $("events").replaceChildren(); }
    else { take_events(events.events); shown.last_event = events.last; }
    take_history(await ask("api/v1/history?since_ms=" + chart.newest_ms));
  } catch (error) {
    shown.why = error.message;
  }
}

async function run() {
  for (;;) {
    if (!document.hidden) {
      await look();
      show();
    }
    const pause = shown.status ? Math.min(3000, Math.max(400, shown.status.interval_ms)) : 1000;
    await new Promise((done) => setTimeout(done, pause));
  }
}

build_buckets();
$("buckets-ask").addEventListener("click", compare_two);
$("inspector").addEventListener("submit", explain_key);
$("events-log").addEventListener("change", (event) => $("events").classList.toggle("without-log", !event.target.checked));
$("chart-span").addEventListener("change", draw_chart);
window.addEventListener("resize", draw_chart);
// Ages go on when nothing is heard.
setInterval(() => { if (shown.status ? performance.now() - shown.at > 1500 : performance.now() > kLostAfterMs) show(); }, 1000);
run();
