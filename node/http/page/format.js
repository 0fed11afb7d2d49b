// ---- Elements, and numbers as people read them

const $ = (id) => document.getElementById(id);

// Text is always set as text: names come from whoever wrote them.
function element(tag, attributes = {}, ...children) {
  const out = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") out.className = value;
    else out.setAttribute(name, value);
  }
  out.append(...children);
  return out;
}

function duration(ms) {
  if (ms === null || ms === undefined) return "?";
  if (ms < 1) return "<1 ms";
  if (ms < 1000) return Math.round(ms) + " ms";
  const seconds = ms / 1000;
  const short = (value, unit) => (value < 9.95 ? value.toFixed(1) : value.toFixed(0)) + " " + unit;
  if (seconds < 120) return short(seconds, "s");
  if (seconds < 7200) return short(seconds / 60, "min");
  if (seconds < 172800) return short(seconds / 3600, "h");
  return short(seconds / 86400, "days");
}

function ago(ms) { return ms === null || ms === undefined ? "never" : duration(ms) + " ago"; }

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit + 1 < units.length) { value /= 1024; ++unit; }
  return (unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)) + " " + units[unit];
}

function count(value) { return value.toLocaleString("en"); }

// Few places: 7, 940, 12k, 3M.
function short_count(value) {
  if (value < 1000) return String(value);
  if (value < 1e6) return (value < 9950 ? (value / 1000).toFixed(1) : Math.round(value / 1000)) + "k";
  return Math.round(value / 1e6) + "M";
}

function clock(iso) { return iso === null || iso === undefined ? "never" : iso.slice(11, 19); }

// A name or value of a document: text, or {"hex": ".."}.
function name_text(value) { return value !== null && typeof value === "object" ? "0x" + value.hex : String(value); }

const marks = { converged: "✓", behind: "≠", unknown: "?", good: "✓", info: "·", warning: "!", bad: "✗" };

// Replaces children only where something is otherwise, so that what is selected or focused stays.
function put(parent, key, children) {
  if (parent.dataset.key === key) return;
  parent.dataset.key = key;
  parent.replaceChildren(...children);
}
