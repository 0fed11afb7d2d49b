// ---- Who lacks what: a cell for each pair.  Roomy for few nodes, small for more, squares for a crowd.

const matrix = { names: "", cells: new Map(), links: new Map(), chosen: null };

// A node tells one other node a round, so one it has not heard of directly for long may still be well.
function silent_after_ms(status) {
  const interval = Math.max(...status.nodes.map((node) => node.gossip_interval_ms || 1000));
  return Math.max(10_000, 4 * interval * status.nodes.length);
}

function state_of_link(status, link, back, from, to) {
  if (!link || !from.answers || !to.answers) return { kind: "unknown", mark: "?", word: "unknown" };
  if (link.cut || (back && back.cut)) {
    return { kind: "cut", mark: "✂", word: "cut on purpose", missing: link.missing };
  }
  if (link.missing === null) return { kind: "unknown", mark: "?", word: "how much is missing is unknown" };
  if (link.missing > 0) {
    const more = link.complete ? "" : "+";
    return { kind: "lacks", mark: short_count(link.missing) + more, word: count(link.missing) + more + " cells missing", missing: link.missing };
  }
  const heard = link.heard_ms_ago === null ? from.uptime_ms : link.heard_ms_ago;
  if (heard > silent_after_ms(status)) return { kind: "silent", mark: "–", word: "silent for long" };
  return { kind: "same", mark: "✓", word: "the same", missing: 0 };
}

function build_matrix(status) {
  const names = status.nodes.map((node) => node.name);
  const key = names.join("\n");
  if (matrix.names === key) return;
  matrix.names = key;
  matrix.cells.clear();
  const table = $("matrix");
  table.className = names.length > 16 ? "crowd" : names.length > 6 ? "many" : "";
  const head = element("tr", {}, element("td", { class: "self" }));
  for (const name of names) head.append(element("th", { scope: "col" }, element("span", {}, name)));
  const body = element("tbody");
  for (const from of names) {
    const row = element("tr", {}, element("th", { scope: "row" }, from));
    for (const to of names) {
      const cell = element("td", from === to ? { class: "self" } : { tabindex: names.length > 16 ? "-1" : "0" });
      if (from !== to) {
        matrix.cells.set(from + "\n" + to, cell);
        for (const event of ["mouseenter", "focus", "click"]) {
          cell.addEventListener(event, () => { matrix.chosen = [from, to]; show_link_detail(); });
        }
      }
      row.append(cell);
    }
    body.append(row);
  }
  table.replaceChildren(element("thead", {}, head), body);
}

function show_matrix(status, since_ms) {
  build_matrix(status);
  const nodes = new Map(status.nodes.map((node) => [node.name, node]));
  matrix.status = status;
  matrix.since_ms = since_ms;
  matrix.links = new Map(status.links.map((link) => [link.from + "\n" + link.to, link]));
  const few = status.nodes.length <= 6;
  for (const [pair, cell] of matrix.cells) {
    const [from, to] = pair.split("\n");
    const link = matrix.links.get(pair);
    const state = state_of_link(status, link, matrix.links.get(to + "\n" + from), nodes.get(from), nodes.get(to));
    const below = few ? (link ? `${duration(link.round_trip_ms)} · ${ago(heard_of(link, since_ms))}` : "nothing known") : "";
    const extra = few && state.kind === "cut" && state.missing ? ` ${short_count(state.missing)} missing` : "";
    const key = state.kind + state.mark + extra + below;
    if (cell.dataset.key === key) continue;
    cell.dataset.key = key;
    cell.className = state.kind;
    cell.setAttribute("aria-label", `${to} seen from ${from}: ${state.word}`);
    cell.replaceChildren(element("b", {}, state.mark + extra), ...(few ? [element("small", {}, below)] : []));
  }
  show_link_detail();
}

// Its age now: what it was when it was told, and the time since.
function heard_of(link, since_ms) { return link.heard_ms_ago === null ? null : link.heard_ms_ago + link.age_ms + since_ms; }

function show_link_detail() {
  if (!matrix.chosen || !matrix.status) {
    $("matrix-detail").textContent = matrix.status && matrix.status.nodes.length > 6 ? "Point at a square for the details." : "";
    return;
  }
  const [from, to] = matrix.chosen;
  const link = matrix.links.get(from + "\n" + to);
  const find = (name) => matrix.status.nodes.find((node) => node.name === name);
  if (!find(from) || !find(to)) return;
  const state = state_of_link(matrix.status, link, matrix.links.get(to + "\n" + from), find(from), find(to));
  let text = `${to} seen from ${from}: ${state.word}`;
  if (state.kind === "cut" && state.missing !== null) text += `, ${count(state.missing)} cells missing`;
  if (link) {
    const since = matrix.since_ms;
    text += `; round trip ${duration(link.round_trip_ms)}, heard ${ago(heard_of(link, since))}`;
    text += `, last agreed ${ago(link.agreed_ms_ago === null ? null : link.agreed_ms_ago + link.age_ms + since)}`;
    text += `, clock ${link.clock_offset_ms > 0 ? "+" : ""}${link.clock_offset_ms} ms; told ${ago(link.age_ms + since)}`;
  }
  $("matrix-detail").textContent = text;
}
