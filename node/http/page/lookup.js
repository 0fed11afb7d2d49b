// ---- What is asked for by hand: where two nodes differ, what is stored under a key

async function ask(path) {
  const reply = await fetch(path, { cache: "no-store" });
  let document = null;
  try { document = await reply.json(); } catch (error) { throw new Error(`${path}: ${reply.status}, and no JSON`); }
  if (!reply.ok && document.error) throw new Error(document.error);
  return document;
}

const squares = [];
function build_buckets() {
  for (let i = 0; i < 256; ++i) squares.push(element("i"));
  $("buckets").replaceChildren(...squares);
  $("buckets").className = "unasked";
}

function offer_pairs(status) {
  const names = status.nodes.map((node) => node.name);
  const key = names.join("\n");
  if ($("buckets-a").dataset.key === key) return;
  const before = [$("buckets-a").value, $("buckets-b").value];
  for (const id of ["buckets-a", "buckets-b"]) put($(id), key, names.map((name) => element("option", {}, name)));
  $("buckets-a").value = names.includes(before[0]) ? before[0] : status.node;
  $("buckets-b").value = names.includes(before[1]) ? before[1] : names.find((name) => name !== status.node) || status.node;
}

function shown_value(value) {
  if (value === null) return "absent";
  return value.value !== undefined ? JSON.stringify(name_text(value.value)).slice(0, 60) : "present";
}

async function compare_two() {
  const [a, b] = [$("buckets-a").value, $("buckets-b").value];
  const result = $("buckets-result");
  result.textContent = "asking both…";
  try {
    const diff = await ask(`api/v1/diff?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}&limit=50`);
    $("buckets").className = "";
    diff.buckets.forEach((shards, i) => {
      squares[i].className = shards > 0 ? "differs" : "";
      squares[i].textContent = shards > 0 ? String(shards) : "";
      squares[i].title = `bucket ${i}: ` + (shards > 0 ? `differs in ${shards} of ${diff.shards} shards` : "the same in all shards");
    });
    const differing = diff.buckets.filter((shards) => shards > 0).length;
    $("buckets").setAttribute("aria-label", `${differing} of 256 buckets differ`);
    result.textContent = diff.equal
      ? `✓ ${a} and ${b} held the same at ${new Date().toISOString().slice(11, 19)} UTC.`
      : `≠ ${a} and ${b} differed in ${differing} of 256 buckets and ${diff.shards_differing.length} of ${diff.shards} shards at ${new Date().toISOString().slice(11, 19)} UTC; a number says in how many shards.`;
    const items = diff.cells.map((cell) => element("li", {},
      `${cell.table} ${name_text(cell.key)} (${cell.kind}${cell.member !== undefined ? " " + name_text(cell.member) : ""}): ${shown_value(cell.a)} at ${a}, ${shown_value(cell.b)} at ${b}`));
    if (diff.more_cells) items.push(element("li", { class: "faint" }, "and more: kith diff " + a + " " + b));
    $("buckets-cells").replaceChildren(...items);
  } catch (error) {
    $("buckets").className = "unasked";
    for (const square of squares) { square.className = ""; square.textContent = ""; }
    $("buckets").setAttribute("aria-label", "unknown which buckets differ");
    $("buckets-cells").replaceChildren();
    result.textContent = "? unknown: " + error.message;
  }
}

function story_of(stored) {
  if (stored.damaged) return `${stored.kind}: a damaged row`;
  if (stored.cells_total !== undefined) {
    return `${stored.kind}: ${count(stored.live ?? 0)} live of ${count(stored.cells_total)} cells` + (stored.total !== undefined ? `, stands at ${stored.total}` : "");
  }
  return `${stored.kind}: ${stored.present ? "present" : "not there (removed or deleted)"}`;
}

async function explain_key(event) {
  event.preventDefault();
  const form = new FormData($("inspector"));
  const query = new URLSearchParams();
  for (const [name, value] of form) if (value !== "") query.set(name, value);
  const result = $("inspector-result");
  result.replaceChildren(element("p", { class: "faint" }, "asking all nodes…"));
  try {
    const found = await ask("api/v1/explain?" + query);
    const parts = [];
    if (found.explained && found.explained.sentences.length > 0) {
      parts.push(element("h3", {}, "As far as " + found.explained.by + " knows"),
        element("ul", {}, ...found.explained.sentences.map((sentence) => element("li", {}, sentence))));
    }
    parts.push(element("h3", {}, "Stored at"));
    parts.push(element("ul", {}, ...found.nodes.map((node) => element("li", {},
      !node.reachable ? `? ${node.node}: unknown: ${node.error}`
        : node.stored.length === 0 ? `– ${node.node}: nothing, not even a removal`
        : `✓ ${node.node}: ${node.stored.map(story_of).join("; ")}`))));
    result.replaceChildren(...parts);
  } catch (error) {
    result.replaceChildren(element("p", { class: "bad" }, "✗ " + error.message));
  }
}
