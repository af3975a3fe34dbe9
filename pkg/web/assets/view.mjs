// What is said and drawn, computed from what the API says. Nothing here touches a page.

/** 0.0523 -> "5.2 %": at most two significant digits below 10 %, whole numbers where they are exact. */
export function percent(share) {
  if (share === undefined || share === null || Number.isNaN(share)) return "–";
  const value = share * 100;
  const digits = value >= 10 || value === 0 ? 0 : value >= 1 ? 1 : 2;
  const text = Number.isInteger(Math.round(value * 1e6) / 1e6) ? String(Math.round(value))
    : value >= 10 ? value.toFixed(1) : value.toFixed(digits);
  return `${text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "")} %`;
}

export function count(number) {
  return String(number ?? 0).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Milliseconds as "45 s", "12 min", "3 h 20 min", "6 d". */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  const minutes = Math.floor((s % 3600) / 60);
  if (s < 86400) return `${Math.floor(s / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

export function ms(value) {
  if (value === undefined) return "–";
  return `${value < 10 ? value.toPrecision(2) : Math.round(value)} ms`;
}

export const idOf = (row) => (row.environment ? `${row.environment}/${row.name}` : row.name);

const words = {
  RollingBack: "Rolling back", RolledBack: "Rolled back",
};
export const phaseName = (phase) => words[phase] ?? phase;

/** "bad": a person is needed; "moving": on its way; "good": as declared. */
export function tone(row) {
  if (row.isStalled || row.phase === "Stalled" || row.phase === "RolledBack" ||
      row.phase === "RollingBack" || row.isHealthy === "False") return "bad";
  return row.phase === "Steady" || row.phase === "Idle" ? "good" : "moving";
}

export const groups = [
  { tone: "bad", title: "Needs a look" },
  { tone: "moving", title: "On its way" },
  { tone: "good", title: "As declared" },
];

export function summary(rows) {
  const n = { bad: 0, moving: 0, good: 0 };
  for (const row of rows) n[tone(row)]++;
  const all = n.bad + n.moving + n.good;
  if (all === 0) return "Nothing is declared yet.";
  const parts = [];
  if (n.bad) parts.push(`${count(n.bad)} ${n.bad === 1 ? "needs" : "need"} a look`);
  if (n.moving) parts.push(`${count(n.moving)} on ${n.moving === 1 ? "its" : "their"} way`);
  if (n.good) parts.push(`${count(n.good)} as declared`);
  return `${count(all)} deployment${all === 1 ? "" : "s"}: ${parts.join(", ")}.`;
}

/** "v1 95 %, v2 5 %" */
export function serving(row) {
  const arms = [row.stable, row.candidate].filter((arm) => arm?.version);
  if (arms.length === 0) return "nothing serves";
  return arms.map((arm) => `${arm.version} ${percent(arm.weight)}`).join(", ");
}

export function matches(row, text) {
  const hay = [idOf(row), row.model ?? "", row.phase, phaseName(row.phase), row.message ?? ""]
    .join(" ").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}

/**
 * What stands between a deployment and its next step: a list of {what, part} where part is 0..1,
 * or undefined where there is nothing to measure.
 */
export function waits(whole, now) {
  const row = whole.deployment, rollout = whole.status?.rollout ?? {};
  const step = whole.rollout?.steps?.[(rollout.step ?? 0) - 1];
  const out = [];
  if (row.phase === "Canary" && step) {
    const evidence = whole.evidence?.candidateAtStep ?? {};
    const since = Date.parse(whole.evidence?.times?.stepSince ?? row.since);
    if (step.minRequests > 0)
      out.push({
        what: `${count(evidence.requests)} of ${count(step.minRequests)} requests at this step`,
        part: Math.min(1, (evidence.requests ?? 0) / step.minRequests),
      });
    if (step.minDurationMs > 0)
      out.push({
        what: `${span(Math.min(now - since, step.minDurationMs))} of ${span(step.minDurationMs)} at this step`,
        part: Math.max(0, Math.min(1, (now - since) / step.minDurationMs)),
      });
    const next = whole.rollout.steps[rollout.step];
    if (next?.approval) out.push({ what: `a person's approval of ${percent(next.weight)}` });
  }
  if (row.phase === "Promoting" && rollout.keepUntil) {
    const from = Date.parse(row.since), until = Date.parse(rollout.keepUntil);
    out.push({
      what: `${row.stable?.version ? "the previous version stays warm" : "the first version is watched"} for another ${span(until - now)}`,
      part: until > from ? Math.max(0, Math.min(1, (now - from) / (until - from))) : 1,
    });
  }
  if (whole.rollout?.deadlineMs > 0 && rollout.rolloutSince && row.phase === "Canary") {
    const left = Date.parse(rollout.rolloutSince) + whole.rollout.deadlineMs - now;
    out.push({ what: left > 0 ? `the rollout's deadline is in ${span(left)}` : "the deadline is over" });
  }
  return out;
}

/**
 * Weights over time as a step line: {line, area, marks: [{x, y, weight, at}], from, to}. `width` and
 * `height` are those of the drawing; a point holds until the next one.
 */
export function weightLine(trail, now, width, height) {
  const points = trail.map((p) => ({ at: Date.parse(p.at), weight: p.weight }));
  if (points.length === 0) return null;
  const from = points[0].at, last = points[points.length - 1];
  const over = last.weight === 1 || (last.weight === 0 && points.length > 1);
  const to = over ? last.at + Math.max(1, (last.at - from) * 0.08) : Math.max(now, last.at + 1);
  const x = (at) => round(((at - from) / (to - from)) * width);
  const y = (weight) => round(height - weight * height);
  let line = `M${x(from)} ${y(points[0].weight)}`;
  for (const point of points.slice(1)) line += `H${x(point.at)}V${y(point.weight)}`;
  line += `H${width}`;
  return {
    line, area: `${line}V${height}H0Z`, from, to,
    marks: points.map((p) => ({ x: x(p.at), y: y(p.weight), weight: p.weight, at: p.at })),
  };
}

const round = (value) => Math.round(value * 100) / 100;

/** The arms' shares of failed requests with their intervals on one scale, as parts of its width. */
export function intervals(arms, limit) {
  const known = arms.filter((arm) => arm.share !== undefined);
  if (known.length === 0) return null;
  const top = niceTop(Math.max(limit ?? 0, ...known.map((arm) => arm.high)) * 1.08);
  return {
    top,
    limit: limit === undefined || limit > top ? undefined : limit / top,
    arms: known.map((arm) => ({
      ...arm, x: arm.share / top, from: arm.low / top, to: arm.high / top,
    })),
  };
}

/** The first of 1, 2, 5 times a power of ten that holds it; a share is at most 1. */
export function niceTop(value) {
  if (!(value > 0)) return 0.01;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 5, 10]) if (value <= step * power * (1 + 1e-9)) return Math.min(1, step * power);
  return 1;
}

/** The last training run of a model, as lines of {name, text}; empty: it never trained. */
export function trainingLines(whole) {
  const cycle = whole?.status?.cycle ?? {}, run = cycle.run ?? {};
  const verdict = whole?.status?.verdicts?.[0], rows = whole?.status?.ledger?.[0];
  const proposed = whole?.status?.proposed?.[0], lines = [];
  if (!run.id && !verdict && !proposed) return lines;
  lines.push({ name: "Cycle", text: phaseName(cycle.phase) + (cycle.message ? `: ${cycle.message}` : "") });
  if (run.trigger || run.why)
    lines.push({ name: "Why it trained", text: run.why ?? run.trigger });
  if (run.attempts) lines.push({ name: "Errors in a row", text: String(run.attempts) });
  if (rows?.count) lines.push({ name: "Tested on", text: `${count(rows.count)} rows nobody trained on` });
  if (verdict) lines.push({ name: "Verdict", text: `${verdict.verdict}${verdict.why ? `: ${verdict.why}` : ""}` });
  if (proposed)
    lines.push({
      name: "Proposed",
      text: `${proposed.version ?? "no version"}${proposed.outcome ? `, ${proposed.outcome}` : ""}` +
        (proposed.branch ? ` on ${proposed.branch}` : ""),
    });
  if (cycle.lastFinished) lines.push({ name: "Finished", at: cycle.lastFinished });
  return lines;
}

/** Takes whole server-sent events off the front of `text`: {events: [{type, data}], rest}. */
export function takeEvents(text) {
  const parts = text.split("\n\n"), events = [];
  const rest = parts.pop();
  for (const part of parts) {
    const event = { type: "message", data: "" };
    for (const line of part.split("\n")) {
      if (line.startsWith("event: ")) event.type = line.slice(7);
      else if (line.startsWith("data: ")) event.data += line.slice(6);
    }
    if (event.data) events.push(event);
  }
  return { events, rest };
}
