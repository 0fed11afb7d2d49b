// ---- Removal records, and who keeps them from going

function show_garbage(status, since_ms) {
  const garbage = status.garbage;
  const facts = [];
  const add = (title, text) => facts.push(element("dt", {}, title), element("dd", {}, text));
  if (!garbage) {
    add("of this node", "? unknown");
  } else {
    add("rows to collect", garbage.removal_records === null ? "? not counted yet"
      : `${count(garbage.removal_records)} at ${status.node}, counted ${ago(Math.max(0, Date.parse(status.taken) - Date.parse(garbage.removal_records_counted)) + since_ms)}`);
    add("collection", garbage.collects ? "on" : "switched off");
    add("retry window", duration(garbage.retry_window_ms));
    add("holds all up to", clock(garbage.floor) + " UTC");
    add("settled up to", garbage.horizon ? clock(garbage.horizon) + " UTC" : "nothing yet");
    add("waits for", garbage.held_by ? `${garbage.held_by}, which has confirmed up to ${clock(garbage.held_at)} UTC` : "nobody");
  }
  $("garbage").replaceChildren(...facts);
  // How many of the nodes wait for whom.
  const waits = new Map();
  for (const node of status.nodes) {
    const holder = node.horizon ? node.horizon.held_by || "nobody" : null;
    if (holder) waits.set(holder, [...(waits.get(holder) || []), node.name]);
  }
  const lines = [...waits].map(([holder, names]) => `${names.length > 4 ? names.length + " nodes wait" : names.join(", ") + (names.length > 1 ? " wait" : " waits")} for ${holder}`);
  const sentences = [...(garbage ? garbage.sentences : []), ...lines];
  put($("garbage-sentences"), sentences.join("\n"), sentences.map((sentence) => element("li", {}, sentence)));
}
