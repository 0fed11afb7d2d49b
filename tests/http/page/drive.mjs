// Drives the page of a node in headless Chromium, and fails when it does not show what is so.
//
//     node drive.mjs URL [RECORDED.json.gz]    asks whoever started it for what has to happen to the cluster: a line
//                                              "do cut" on stdout, and the answer "done" on stdin when it has happened
//
// With KITH_SCREENSHOTS=DIR it leaves pictures there.  Exit code 0: all was shown.
import { existsSync, readFileSync } from "node:fs";

import { createInterface } from "node:readline";
import { gunzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const [url, recorded] = process.argv.slice(2);
const pictures = process.env.KITH_SCREENSHOTS;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const kSoonMs = 2000;

function check(holds, what) {
  if (!holds) throw new Error("not so: " + what);
  console.log("ok: " + what);
}

async function make_happen(what) {
  console.log("do " + what);
  const answer = await lines.next();
  if (answer.value !== "done") throw new Error(`"do ${what}" was answered with ${answer.value}`);
}

// Until `holds` is true in the page.  Returns how long it took.
async function shows(page, what, holds, most_ms, argument) {
  const began = performance.now();
  try {
    await page.waitForFunction(holds, argument, { timeout: most_ms, polling: 50 });
  } catch (error) {
    const headline = await page.textContent("#headline");
    throw new Error(`not shown within ${most_ms} ms: ${what} (headline: ${headline}; ${error.message.split("\n")[0]})`);
  }
  const took_ms = Math.round(performance.now() - began);
  console.log(`ok: ${what} (after ${took_ms} ms)`);
  return took_ms;
}

const agreement = (wanted) => document.getElementById("headline").dataset.agreement === wanted;
const kinds = ([kind, count]) => document.querySelectorAll("#matrix td." + kind).length === count;

// The whole page, and what is seen of it at first.
async function picture(page, name) {
  if (!pictures) return;
  await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: `${pictures}/${name}-top.png` });
}

async function fits(page, what) {
  const [scroll, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  check(scroll <= inner, `${what}: nothing sticks out at ${inner} pixels (${scroll})`);
}

async function drive_real_nodes(page) {
  await page.goto(url);
  await shows(page, "three nodes agree", agreement, 10_000, "converged");
  await shows(page, "all pairs hold the same", kinds, 5000, ["same", 6]);
  await fits(page, "three nodes");
  await picture(page, "three-converged");

  let began = performance.now();
  await make_happen("cut");
  await shows(page, "the cut links are marked", kinds, kSoonMs, ["cut", 4]);
  const cut_ms = Math.round(performance.now() - began);
  check(cut_ms < kSoonMs, `a cut is visible within ${kSoonMs} ms (${cut_ms} ms)`);
  await shows(page, "the chart marks the cut", () => Number(document.getElementById("chart").dataset.cuts) >= 2, kSoonMs);
  await shows(page, "the cut is among the events", () => document.getElementById("events").textContent.includes("is cut, on purpose"), kSoonMs);

  await make_happen("write");
  await shows(page, "the headline says that they differ", agreement, kSoonMs, "behind");
  await shows(page, "the matrix says how much is missing", () => [...document.querySelectorAll("#matrix td")].some((cell) => cell.textContent.includes("25 missing")), kSoonMs);
  await page.selectOption("#buckets-a", "n1");
  await page.selectOption("#buckets-b", "n3");
  await page.click("#buckets-ask");
  await shows(page, "squares show where they differ", () => document.querySelectorAll("#buckets i.differs").length > 5, 5000);
  check((await page.textContent("#buckets-result")).startsWith("≠ n1 and n3 differed"), "and a sentence says so");

  await page.fill("#inspector [name=key]", "likes");
  await page.fill("#inspector [name=element]", "m3");
  await page.click("#inspector button");
  await shows(page, "the inspector tells who wrote it and who has it", () => {
    const text = document.getElementById("inspector-result").textContent;
    return text.includes("added at") && text.includes("n1: set: present") && text.includes("n3: nothing");
  }, 5000);
  await page.hover("#matrix tbody tr:first-child td:last-child");
  check((await page.textContent("#matrix-detail")).includes("n3 seen from n1: cut on purpose, 25 cells missing"), "a square tells its details");
  await picture(page, "three-cut");

  // What somebody wrote is shown, not run.
  await page.fill("#inspector [name=key]", "<img src=x onerror=window.hacked=1>");
  await page.fill("#inspector [name=element]", "");
  await page.click("#inspector button");
  await shows(page, "a key that is markup is looked up like any other", () => document.getElementById("inspector-result").textContent.includes("1 live of 1"), 5000);
  check(await page.evaluate(() => document.querySelectorAll("img").length === 0 && window.hacked === undefined), "and is text, not markup");
  await page.fill("#inspector [name=key]", "x".repeat(5000));
  await page.click("#inspector button");
  await shows(page, "a key that is too long is refused with the limit", () => document.getElementById("inspector-result").textContent.includes("the limit is"), 5000);

  began = performance.now();
  await make_happen("heal");
  await shows(page, "no link is cut", kinds, kSoonMs, ["cut", 0]);
  const heal_ms = Math.round(performance.now() - began);
  check(heal_ms < kSoonMs, `a heal is visible within ${kSoonMs} ms (${heal_ms} ms)`);
  await shows(page, "they agree again", agreement, 5000, "converged");
  await shows(page, "the chart marks the heal", () => Number(document.getElementById("chart").dataset.heals) >= 2, kSoonMs);
  await picture(page, "three-healed");

  await make_happen("kill n3");
  await shows(page, "with a node gone it is unknown", agreement, 4000, "unknown");
  await shows(page, "what concerns it is unknown", kinds, 4000, ["unknown", 4]);
  check((await page.textContent("#nodes")).includes("n3? cannot be reached"), "the table says why");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  await fits(page, "three nodes, narrow");
  await picture(page, "three-unknown-dark-narrow");

  await make_happen("kill n1");
  await shows(page, "without its own node all is unknown", () => document.getElementById("sentence").textContent.includes("n1 has not answered for"), 12_000);
}

async function drive_fifty(browser) {
  const answers = JSON.parse(gunzipSync(readFileSync(recorded)));
  const nodes = answers.status.nodes.length;
  for (const [name, scheme, width] of [["fifty", "light", 1280], ["fifty-dark", "dark", 1280], ["fifty-narrow", "light", 390]]) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
    // A record is of then: its times are moved to now.
    await page.route("**/api/v1/**", (route) => {
      const which = new URL(route.request().url()).pathname.split("/").pop();
      const answer = structuredClone(answers[which]);
      if (which === "history") {
        const by = Date.now() - answer.now_ms;
        answer.now_ms += by;
        for (const sample of answer.samples) sample.at_ms += by;
      }
      if (which === "events") {
        const by = Date.now() - answers.history.now_ms;
        for (const event of answer.events) event.time = new Date(Date.parse(event.time) + by).toISOString();
      }
      return route.fulfill({ json: answer });
    });
    await page.goto(url);
    await shows(page, `${name}: a square for each pair`, (count) => document.querySelectorAll("#matrix td[aria-label]").length === count, 10_000, nodes * (nodes - 1));
    await shows(page, `${name}: the chart is drawn`, () => document.getElementById("chart").getAttribute("aria-label").includes("at most"), 5000);
    await fits(page, name);
    const chosen = await page.evaluate(() => {
      document.querySelector("#matrix td.lacks, #matrix td.cut, #matrix td.unknown, #matrix td.same").dispatchEvent(new MouseEvent("mouseenter"));
      return document.getElementById("matrix-detail").textContent;
    });
    check(/seen from .*: /.test(chosen), `${name}: a square tells its details (${chosen})`);
    const drawn_ms = await page.evaluate(async () => {
      const began = performance.now();
      for (const cell of document.querySelectorAll("#matrix td")) delete cell.dataset.key;
      window.dispatchEvent(new Event("resize"));
      await new Promise((done) => requestAnimationFrame(done));
      return performance.now() - began;
    });
    check(drawn_ms < 1000, `${name}: it is drawn anew in ${Math.round(drawn_ms)} ms`);
    await picture(page, name);
    await page.close();
  }
}

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (!executable) throw new Error("there is no Chromium here: apt-get install chromium");
// Root has no sandbox.  What is shown is our own page.
const browser = await chromium.launch({ executablePath: executable, args: ["--disable-gpu", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => { if (message.type() === "error" && !message.text().includes("Failed to load resource")) wrong.push(message.text()); });
  if (recorded) await drive_fifty(browser);
  await drive_real_nodes(page);
  check(wrong.length === 0, "the page has no errors " + wrong.join("; "));
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
} finally {
  await browser.close();
}
process.exit();
