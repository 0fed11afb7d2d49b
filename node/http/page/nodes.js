// ---- The headline, and a line for each node

function show_headline(status) {
  const headline = $("headline");
  headline.dataset.agreement = status.agreement;
  $("mark").textContent = marks[status.agreement];
  if ($("sentence").textContent !== status.headline) $("sentence").textContent = status.headline;
  $("cluster").textContent = status.cluster ? status.cluster.name + ", " + status.nodes.length + (status.nodes.length === 1 ? " node" : " nodes") : "in no cluster yet";
  $("self").textContent = status.node;
  const word = { converged: "All of them have held the same", behind: "They have differed", unknown: "This has been unknown" }[status.agreement];
  $("since").textContent = `${word} for ${duration(Math.max(0, Date.parse(status.taken) - Date.parse(status.agreement_since)))}, since ${clock(status.agreement_since)} UTC, as far as ${status.node} has looked.`;
  document.title = marks[status.agreement] + " Kith " + (status.cluster ? status.cluster.name : "");
}

// This page has lost its node: nothing of what is shown is news.
function show_lost(status, since_ms, why) {
  $("headline").dataset.agreement = "unknown";
  $("mark").textContent = "?";
  $("sentence").textContent = `unknown: ${status ? status.node : "the node of this page"} has not answered for ${duration(since_ms)} (${why}). What is shown below is of then.`;
  document.title = "? Kith";
}

function show_nodes(status, since_ms) {
  const order = { bad: 0, warning: 1, good: 2 };
  const rank = (node) => (node.answers ? 10 * order[node.severity] + (node.missing > 0 || node.lag_ms > 0 ? 0 : 5) : -1);
  const nodes = status.nodes.length > 6 ? [...status.nodes].sort((a, b) => rank(a) - rank(b)) : status.nodes;
  const rows = nodes.map((node) => {
    const mark = node.answers ? marks[node.severity] : "?";
    const what = node.answers ? node.state : "cannot be reached: " + (node.error || "it has not answered yet");
    const late = !node.answers ? "?" : node.lag_ms === 0 ? "none" : duration(node.lag_ms);
    const missing = node.missing === null ? "?" : count(node.missing);
    const old = node.answers ? "" : "stale";
    const known = node.root !== undefined;
    return element("tr", {},
      element("th", { scope: "row" }, node.name + (node.self ? " (this one)" : "")),
      element("td", { class: "state " + (node.answers ? node.severity : "bad") }, mark + " " + what),
      element("td", { class: "number" }, late),
      element("td", { class: "number" }, missing),
      element("td", { class: old }, known ? node.root.slice(0, 8) : "?"),
      element("td", { class: "number " + old }, known ? count(node.rows) : "?"),
      element("td", { class: "number " + old }, known ? `${bytes(node.bytes_used)}, ${(100 * node.bytes_used / node.bytes_max).toFixed(node.bytes_used > node.bytes_max / 10 ? 0 : 1)} %` : "?"),
      element("td", { class: old }, node.address),
      element("td", {}, node.age_ms === null ? "never" : ago(node.age_ms + since_ms)));
  });
  const head = ["node", "state", "late by", "missing", "root", "rows", "disk", "clients", "said"].map((title) => element("th", { scope: "col" }, title));
  const table = $("nodes");
  const scrolled = table.parentElement.scrollTop;
  table.replaceChildren(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  table.parentElement.scrollTop = scrolled;
}
