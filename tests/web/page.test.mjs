// The page's own script on a page without a browser, against a server that speaks the API.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import test from "node:test";

import { openPage } from "./dom.mjs";

const EVIL = "</script><img src=x onerror=alert(1)> & \"quotes\"";
const assets = new URL("../../pkg/web/assets/", import.meta.url);

const row = (name, more = {}) => ({
  environment: "prod", name, model: "risk", phase: "Steady", since: "2026-01-01T00:00:00Z",
  message: "v1 as declared", isReady: "True", isSynced: "True", isHealthy: "True", isStalled: false,
  replicas: 2, stable: { version: "v1", weight: 1, ready: 2 }, candidate: { weight: 0, ready: 0 }, ...more,
});
const canary = row("a", { phase: "Canary", message: EVIL, stable: { version: "v1", weight: 0.95, ready: 2 },
  candidate: { version: "v2", weight: 0.05, ready: 1 } });
const figures = { requests: 40, bad: 1, share: 0.025, low: 0.004, high: 0.13, p95Ms: 12 };
const whole = {
  deployment: canary,
  rollout: { deadlineMs: 300000, errorsMax: 0.1, steps: [{ weight: 0.05, minRequests: 40, minDurationMs: 1000 }, { weight: 1, minRequests: 0, minDurationMs: 0 }] },
  evidence: { times: { since: "2026-01-01T00:00:00Z", stepSince: "2026-01-01T00:00:00Z", lastData: "2026-01-01T00:00:00Z" },
    candidate: figures, stable: { ...figures, requests: 800 }, candidateAtStep: figures,
    predictions: { label: EVIL, candidate: 1, stable: 0.4, candidatePredictions: 40, stablePredictions: 800,
      distance: 0.6, low: 0.2, high: 1, limit: 0.5 } },
  trail: [{ at: "2026-01-01T00:00:00Z", weight: 0 }, { at: "2026-01-01T00:01:00Z", weight: 0.05 }],
  status: {
    rollout: { step: 1, rolloutSince: "2026-01-01T00:00:00Z" },
    conditions: [{ type: "Healthy", status: "False", message: "fewer replicas are ready" }],
    history: [{ at: "2026-01-01T00:01:00Z", what: "canary 0 % -> 5 % (v2)", why: EVIL }],
    promoted: [{ version: "v1", at: "2026-01-01T00:00:00Z" }],
    quarantine: [{ version: "v0", at: "2026-01-01T00:00:00Z", reason: "harm" }],
  },
};
const model = { status: { cycle: { phase: "Idle", run: { id: "sha256:1", why: "1,000 new rows" } },
  verdicts: [{ verdict: "PASS", why: "accuracy 90 %" }], history: [{ at: "2026-01-01T00:00:00Z", what: "kicked" }] } };

const api = { fleet: { sequence: 7, controller: { isReady: true, isGitOk: true, problem: "" },
  deployments: [canary, row("b"), row("c", { isStalled: true, phase: "Stalled" })], models: [] } };
let token = null, streams = [];
const server = createServer((request, answer) => {
  const json = (value) => answer.end(JSON.stringify(value));
  if (token && request.headers.authorization !== `Bearer ${token}`) { answer.statusCode = 401; return json({ error: "token" }); }
  if (request.url === "/api/v1/fleet") return json(api.fleet);
  if (request.url === "/api/v1/deployments/prod/a") return json(whole);
  if (request.url === "/api/v1/models/risk") return json(model);
  if (request.url.startsWith("/api/v1/events")) {
    answer.write(": still here\n\n");
    streams.push({ answer, url: request.url });
    return undefined;
  }
  answer.statusCode = 404;
  return json({ error: "nothing of that name" });
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const $ = (id) => document.getElementById(id);
async function until(what, condition) {
  for (let i = 0; i < 4000; i++) {
    if (condition()) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  assert.fail(`not in time: ${what}`);
}
const tell = (type, data) => streams.at(-1).answer.write(`id: 1\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
const texts = (tone) => $(`group-${tone}`).querySelectorAll("li").map((li) => li.textContent);

openPage(readFileSync(new URL("index.html", assets), "utf8"), `http://127.0.0.1:${server.address().port}`);
await import(new URL("app.mjs", assets));
test.after(() => { server.closeAllConnections(); server.close(); setTimeout(() => process.exit(), 100); });

test("the fleet stands in groups, the worst first", async () => {
  await until("the stream", () => streams.length === 1);
  assert.equal(streams[0].url, "/api/v1/events?after=7");
  assert.equal($("summary").textContent, "3 deployments: 1 needs a look, 1 on its way, 1 as declared.");
  assert.deepEqual([texts("bad").length, texts("moving").length, texts("good").length], [1, 1, 1]);
  assert.match(texts("moving")[0], /prod\/aCanaryv1 95 %, v2 5 %/);
  assert.ok(texts("moving")[0].includes(EVIL)); // as text
  await until("said to be live", () => $("link").textContent === "live");
});

test("a deployment opens with its rollout, evidence, history and training", async () => {
  location.hash = "#/d/prod/a";
  await until("the detail", () => $("detail-title"));
  const text = $("detail").textContent;
  for (const wanted of ["40 of 40 requests at this step", "What it waits for", "The candidate's share of traffic",
    "0.4 % to 13 %", "Predicted labels differ by 60 % (20 % to 100 %), at most 50 % is allowed", "v2 100 % of 40, v1 40 % of 800", "canary 0 % -> 5 % (v2)", EVIL, "1,000 new rows", "PASS: accuracy 90 %", "v0 in quarantine: harm",
    "Healthy: fewer replicas are ready", "The retraining cycle"])
    assert.ok(text.includes(wanted), wanted);
  const charts = $("detail").querySelectorAll("svg");
  assert.equal(charts.length, 2);
  for (const chart of charts) assert.match(chart.getAttribute("aria-label"), /%/);
  for (const element of $("detail").walk())
    for (const [name, value] of element.attributes) assert.ok(!/^on|NaN|undefined/.test(`${name}`) && !/NaN|undefined/.test(value), `${name}=${value}`);
  assert.equal(document.activeElement.id, "detail-title");
  assert.equal(document.title, "prod/a – Linnet");
  const current = $("fleet").querySelectorAll("a[aria-current]");
  assert.deepEqual(current.map((a) => a.getAttribute("href")), ["#/d/prod/a"]);
});

test("a change moves one row, says it, and keeps the focus", async () => {
  const link = $("group-moving").querySelector("a");
  link.focus();
  tell("deployment", row("a", { phase: "Promoting", candidate: { version: "v2", weight: 1 } }));
  await until("what is said", () => $("said").textContent.includes("Promoting"));
  tell("deployment", row("a"));
  await until("the row has moved", () => texts("good").length === 2);
  assert.equal(document.activeElement, link);
  tell("gone", { environment: "prod", name: "b" });
  await until("the row is gone", () => texts("good").length === 1);
  tell("controller", { isReady: true, isGitOk: false, problem: "fetch: timed out" });
  await until("the trouble", () => !$("trouble").hidden);
  assert.equal($("trouble").textContent, "Git: fetch: timed out");
});

test("what did not change is left alone, and the focus stays", async () => {
  $("figures").focus();
  const history = $("detail").querySelector(".history"), figuresBefore = $("figures");
  whole.evidence.candidate = { ...figures, requests: 41 };
  tell("deployment", canary);
  await until("the new figures", () => $("figures").textContent.includes("41"));
  assert.equal($("detail").querySelector(".history"), history);
  assert.notEqual($("figures"), figuresBefore);
  assert.equal(document.activeElement.id, "figures");
});

test("predicted numbers differ by a share of their range", async () => {
  whole.evidence.predictions = { ...whole.evidence.predictions, numbers: true, label: "about 0.5" };
  tell("deployment", canary);
  await until("the numbers", () => $("labels").textContent.startsWith("Predicted numbers differ by 60 % of their range (20 % to 100 %)"));
  assert.ok($("labels").textContent.includes("about 0.5: v2 100 % of 40"));
});

test("too many changes at once: the fleet is read again", async () => {
  const before = streams.length;
  api.fleet = { ...api.fleet, sequence: 9, deployments: [...api.fleet.deployments, row("d")] };
  tell("reset", {});
  await until("another stream", () => streams.length === before + 1);
  assert.equal(streams.at(-1).url, "/api/v1/events?after=9");
  assert.equal(texts("good").filter((text) => text.startsWith("prod/d")).length, 1);
  assert.equal($("link").textContent, "live");
});

test("finding hides the rest, and says when nothing is left", async () => {
  $("find").value = "prod/c";
  $("find").dispatch("input");
  assert.deepEqual([texts("bad").length, texts("moving").length, texts("good").length], [1, 0, 0]);
  assert.ok($("group-good").hidden);
  $("find").value = "zzz";
  $("find").dispatch("input");
  assert.ok(!$("nothing").hidden);
  $("find").value = "";
  $("find").dispatch("input");
  assert.ok($("nothing").hidden);
});

test("what is not there is said", async () => {
  location.hash = "#/d/prod/nothing";
  await until("the answer", () => $("detail").textContent.includes("nothing of that name"));
  location.hash = "#/";
  assert.ok($("detail").hidden);
});

test("who opens another one meanwhile begins at that one; the skip link leaves it open", async () => {
  location.hash = "#/d/prod/a";
  location.hash = "#/d/prod/nothing";
  await until("its title has the focus", () => document.activeElement.textContent === "prod/nothing");
  assert.equal(document.activeElement.id, "detail-title");
  document.querySelector(".skip").dispatch("click");
  assert.equal(document.activeElement.id, "main");
  assert.equal(location.hash, "#/d/prod/nothing");
  location.hash = "#/";
});

test("a lost connection is said and taken up again; a token is asked for", async () => {
  streams.at(-1).answer.destroy();
  await until("said to be lost", () => $("link").textContent.startsWith("not connected"));
  await until("another stream", () => streams.length === 3);
  token = "secret-of-the-test";
  streams.at(-1).answer.destroy();
  await until("the form", () => !$("sign-in").hidden);
  $("token").value = token;
  $("sign-in").dispatch("submit");
  await until("a stream again", () => streams.length === 4);
  assert.ok($("sign-in").hidden && !$("main").hidden);
});
