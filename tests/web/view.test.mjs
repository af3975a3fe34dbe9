import assert from "node:assert/strict";
import test from "node:test";

import * as view from "../../pkg/web/assets/view.mjs";

test("shares are written for people", () => {
  const cases = [[0, "0 %"], [1, "100 %"], [0.05, "5 %"], [0.25, "25 %"], [0.0025, "0.25 %"],
    [0.0523, "5.2 %"], [0.125, "12.5 %"], [0.999, "99.9 %"], [0.0004, "0.04 %"], [0.2, "20 %"],
    [undefined, "–"], [NaN, "–"]];
  for (const [share, text] of cases) assert.equal(view.percent(share), text, String(share));
});

test("counts and spans", () => {
  assert.deepEqual([0, 999, 1000, 1234567, undefined].map(view.count), ["0", "999", "1,000", "1,234,567", "0"]);
  assert.deepEqual([-5, 0, 119000, 120000, 7199000, 7200000, 7800000, 90000000, 200000000].map(view.span),
    ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "2 h 10 min", "25 h", "2 d"]);
  assert.deepEqual([undefined, 0.5, 9.96, 250.4].map(view.ms), ["–", "0.50 ms", "10 ms", "250 ms"]);
});

const row = (more) => ({ environment: "prod", name: "risk", phase: "Steady", isHealthy: "True",
  stable: { version: "v1", weight: 1, ready: 2 }, candidate: { weight: 0, ready: 0 }, ...more });

test("each deployment has one tone", () => {
  assert.equal(view.tone(row()), "good");
  assert.equal(view.tone(row({ phase: "Canary" })), "moving");
  assert.equal(view.tone(row({ phase: "RolledBack" })), "bad");
  assert.equal(view.tone(row({ isHealthy: "False" })), "bad");
  assert.equal(view.tone(row({ isStalled: true })), "bad");
  assert.equal(view.summary([]), "Nothing is declared yet.");
  assert.equal(view.summary([row(), row({ phase: "Canary" }), row({ isStalled: true })]),
    "3 deployments: 1 needs a look, 1 on its way, 1 as declared.");
  assert.equal(view.serving(row({ candidate: { version: "v2", weight: 0.05 } })), "v1 100 %, v2 5 %");
  assert.equal(view.serving(row({ stable: {} })), "nothing serves");
});

test("finding goes by words anywhere", () => {
  assert.ok(view.matches(row({ model: "Fraud" }), "prod fraud"));
  assert.ok(view.matches(row({ phase: "RolledBack" }), "rolled back"));
  assert.ok(!view.matches(row(), "prod fraud"));
});

test("what a canary waits for", () => {
  const now = Date.parse("2026-01-01T00:10:00Z");
  const whole = {
    deployment: row({ phase: "Canary", since: "2026-01-01T00:05:00Z" }),
    rollout: { deadlineMs: 3600000, steps: [{ weight: 0.05, minRequests: 500, minDurationMs: 600000 },
      { weight: 1, minRequests: 0, minDurationMs: 0, approval: true }] },
    evidence: { times: { stepSince: "2026-01-01T00:05:00Z" }, candidateAtStep: { requests: 125 } },
    status: { rollout: { step: 1, rolloutSince: "2026-01-01T00:00:00Z" } },
  };
  assert.deepEqual(view.waits(whole, now), [
    { what: "125 of 500 requests at this step", part: 0.25 },
    { what: "5 min of 10 min at this step", part: 0.5 },
    { what: "a person's approval of 100 %" },
    { what: "the rollout's deadline is in 50 min" },
  ]);
  assert.deepEqual(view.waits({ deployment: row() }, now), []);
});

test("weights are a step line that holds until the next point", () => {
  const trail = [{ at: "2026-01-01T00:00:00Z", weight: 0 }, { at: "2026-01-01T00:01:00Z", weight: 0.05 }];
  const line = view.weightLine(trail, Date.parse("2026-01-01T00:02:00Z"), 100, 40);
  assert.equal(line.line, "M0 40H50V38H100");
  assert.equal(line.area, "M0 40H50V38H100V40H0Z");
  assert.deepEqual(line.marks.map((m) => [m.x, m.y]), [[0, 40], [50, 38]]);
  assert.equal(view.weightLine([], 0, 100, 40), null);
  const done = view.weightLine([...trail, { at: "2026-01-01T00:02:00Z", weight: 1 }],
    Date.parse("2026-06-01T00:00:00Z"), 100, 40); // what is over is not drawn up to today
  assert.ok(done.marks[2].x > 90);
});

test("intervals share a scale that holds them and the limit", () => {
  const arms = [{ share: 0.02, low: 0.01, high: 0.045 }, { share: undefined }];
  const scale = view.intervals(arms, 0.01);
  assert.equal(scale.top, 0.05);
  assert.ok(Math.abs(scale.limit - 0.2) < 1e-9);
  assert.equal(scale.arms.length, 1);
  assert.ok(scale.arms[0].to <= 1);
  assert.equal(view.intervals([{}], 0.1), null);
  assert.deepEqual([0, 0.003, 0.02, 0.021, 0.9, 3].map(view.niceTop), [0.01, 0.005, 0.02, 0.05, 1, 1]);
});

test("the last training run", () => {
  assert.deepEqual(view.trainingLines(null), []);
  assert.deepEqual(view.trainingLines({ status: { cycle: { phase: "Idle", run: {} } } }), []);
  const lines = view.trainingLines({ status: {
    cycle: { phase: "Proposed", run: { id: "sha256:1", why: "1,000 new rows" } },
    verdicts: [{ verdict: "PASS", why: "accuracy 90 %" }], ledger: [{ count: 1800 }],
    proposed: [{ version: "v3", outcome: "waiting", branch: "linnet/propose/risk" }],
  } });
  assert.deepEqual(lines.map((l) => l.text), ["Proposed", "1,000 new rows", "1,800 rows nobody trained on",
    "PASS: accuracy 90 %", "v3, waiting on linnet/propose/risk"]);
});

test("events are taken off a stream whole, however it is cut", () => {
  const stream = ": still here\n\nid: 1\nevent: deployment\ndata: {\"a\":1}\n\nevent: reset\ndata: {}\n\n";
  for (let cut = 0; cut <= stream.length; cut++) {
    const first = view.takeEvents(stream.slice(0, cut));
    const second = view.takeEvents(first.rest + stream.slice(cut));
    assert.deepEqual([...first.events, ...second.events],
      [{ type: "deployment", data: "{\"a\":1}" }, { type: "reset", data: "{}" }]);
    assert.equal(second.rest, "");
  }
});
