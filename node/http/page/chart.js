// ---- How late each node was, with cuts and heals.  Logarithmic, since what matters is ten milliseconds and ten minutes.

const chart = { names: [], samples: [], events: [], newest_ms: 0 };
const kDashes = [[], [6, 3], [2, 3], [9, 3, 2, 3], [4, 4], [1, 4]];
const kSeriesMax = 6;
const kKeptMs = 11 * 60 * 1000;

function take_history(history) {
  chart.names = history.nodes;
  chart.samples.push(...history.samples.filter((sample) => sample.at_ms > chart.newest_ms));
  if (chart.samples.length > 0) chart.newest_ms = chart.samples[chart.samples.length - 1].at_ms;
  chart.samples = chart.samples.filter((sample) => sample.at_ms > history.now_ms - kKeptMs);
  chart.now_ms = history.now_ms;
  chart.taken = performance.now();
}

function take_events_for_chart(events) {
  for (const event of events) {
    if (event.kind === "cut" || event.kind === "heal") chart.events.push({ at_ms: Date.parse(event.time), kind: event.kind, text: event.text });
  }
  chart.events = chart.events.slice(-200);
}

// 0 at the bottom; 1 ms to 1 h above it.
function height_of(lag_ms) { return lag_ms <= 0 ? 0 : 0.06 + 0.94 * Math.min(1, Math.log10(Math.max(1, lag_ms)) / Math.log10(3_600_000)); }

// Of many nodes those that were latest in the span; of few all.
function chosen_series(samples) {
  const worst = chart.names.map((name, i) => ({ name, i, most: samples.reduce((most, sample) => Math.max(most, sample.lag_ms[i] ?? -1), -1) }));
  if (chart.names.length > kSeriesMax) worst.sort((a, b) => b.most - a.most);
  return worst.slice(0, kSeriesMax).sort((a, b) => a.i - b.i);
}

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function draw_chart() {
  const canvas = $("chart");
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (width === 0) return;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "11px system-ui, sans-serif";
  const span_ms = 1000 * Number($("chart-span").value);
  const end = (chart.now_ms || Date.now()) + (chart.taken ? performance.now() - chart.taken : 0);
  const begin = end - span_ms;
  const left = 52, right = width - 8, top = 22, bottom = height - 20;
  const x = (at_ms) => left + (right - left) * (at_ms - begin) / span_ms;
  const y = (lag_ms) => bottom - (bottom - top) * height_of(lag_ms);
  const samples = chart.samples.filter((sample) => sample.at_ms > begin - 5000);

  pen.fillStyle = colour("--faint");
  pen.strokeStyle = colour("--line");
  pen.lineWidth = 1;
  pen.textAlign = "right";
  for (const [lag, text] of [[0, "none"], [10, "10 ms"], [100, "100 ms"], [1000, "1 s"], [10_000, "10 s"], [60_000, "1 min"], [600_000, "10 min"], [3_600_000, "1 h"]]) {
    if (height < 200 && (lag === 10 || lag === 60_000)) continue;
    pen.beginPath(); pen.moveTo(left, y(lag)); pen.lineTo(right, y(lag)); pen.stroke();
    pen.fillText(text, left - 6, y(lag) + 4);
  }
  pen.textAlign = "center";
  const step_ms = span_ms / (width < 500 ? 3 : 6);
  for (let at = 0; at <= span_ms; at += step_ms) {
    const where = x(end - at);
    if (where < left + 10) continue;
    pen.fillText(at === 0 ? "now" : "-" + duration(at), Math.min(where, right - 12), height - 5);
  }

  // Where it is not known whether all agree: striped ground.
  pen.save();
  pen.beginPath(); pen.rect(left, top, right - left, bottom - top); pen.clip();
  samples.forEach((sample, i) => {
    const next = samples[i + 1];
    if (sample.agreement !== "unknown" || (next && next.at_ms - sample.at_ms > 20_000)) return;
    const from = x(sample.at_ms), to = next ? x(next.at_ms) : x(end);
    pen.fillStyle = colour("--unknown-ground");
    pen.fillRect(from, top, to - from + .5, bottom - top);
    pen.save();
    pen.beginPath(); pen.rect(from, top, to - from, bottom - top); pen.clip();
    pen.strokeStyle = colour("--stripe");
    pen.lineWidth = 1;
    pen.beginPath();
    // Of one pattern over all of them, so that neighbours fit together.
    for (let at = Math.floor((from - height) / 8) * 8; at < to; at += 8) { pen.moveTo(at, bottom); pen.lineTo(at + height, bottom - height); }
    pen.stroke();
    pen.restore();
  });

  const series = chosen_series(samples);
  series.forEach((one, k) => {
    pen.strokeStyle = colour("--series-" + (k + 1));
    pen.setLineDash(kDashes[k]);
    pen.lineWidth = 2;
    pen.beginPath();
    let before = null;
    for (const sample of samples) {
      const lag = sample.lag_ms[one.i];
      // Neither is a line drawn where nothing is known, nor over a pause in looking.
      if (lag === null || lag === undefined) { before = null; continue; }
      if (before !== null && sample.at_ms - before < 15_000) pen.lineTo(x(sample.at_ms), y(lag));
      else pen.moveTo(x(sample.at_ms), y(lag));
      before = sample.at_ms;
    }
    pen.stroke();
  });
  pen.restore();
  pen.setLineDash([]);

  let last_label = -100;
  for (const event of chart.events) {
    if (event.at_ms < begin) continue;
    const where = x(event.at_ms);
    pen.strokeStyle = pen.fillStyle = colour(event.kind === "cut" ? "--bad" : "--good");
    pen.setLineDash(event.kind === "cut" ? [3, 3] : []);
    pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(where, top - 4); pen.lineTo(where, bottom); pen.stroke();
    if (where - last_label > 34) {
      pen.fillText(event.kind === "cut" ? "✂ cut" : "✓ heal", Math.min(Math.max(where, left + 14), right - 18), top - 8);
      last_label = where;
    }
  }
  pen.setLineDash([]);

  const cuts = chart.events.filter((event) => event.at_ms >= begin && event.kind === "cut").length;
  const heals = chart.events.filter((event) => event.at_ms >= begin && event.kind === "heal").length;
  canvas.dataset.cuts = cuts;
  canvas.dataset.heals = heals;
  const said = `lag of ${series.map((one) => one.name + " at most " + (one.most < 0 ? "unknown" : duration(one.most))).join(", ")}; ${cuts} cuts and ${heals} heals`;
  canvas.setAttribute("aria-label", said);
  const others = chart.names.length - series.length;
  put($("chart-key"), series.map((one) => one.name).join("\n") + others + colour("--series-1"), [
    ...series.map((one, k) => {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      line.setAttribute("width", "30"); line.setAttribute("height", "8");
      line.innerHTML = `<line x1="0" y1="4" x2="30" y2="4" stroke="${colour("--series-" + (k + 1))}" stroke-width="2" stroke-dasharray="${kDashes[k].join(" ")}"/>`;
      return element("span", {}, line, one.name);
    }),
    ...(others > 0 ? [element("span", {}, `and ${others} that were less late`)] : []),
    element("span", {}, "striped: unknown"),
  ]);
}
