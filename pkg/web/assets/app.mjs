// The page: reads the fleet once, follows its changes, and shows one deployment at a time. Whatever
// comes from outside becomes text, never markup.
import * as view from "./view.mjs";

const $ = (id) => document.getElementById(id);
const rows = new Map();    // id -> row
const items = new Map();   // id -> {li, row elements, tone}
const state = { open: null, whole: null, model: null, arrived: true, controller: {}, token: sessionStorage.getItem("token") };

/** An element; children that are no nodes are text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };

function time(at) {
  const when = new Date(at);
  return make("time", { datetime: at, title: when.toLocaleString(), "data-ago": "" },
    `${view.span(Date.now() - when)} ago`);
}

// ---- the fleet ----

function barOf(row) {
  const bar = make("span", { class: "bar", "aria-hidden": "true" });
  bar.append(make("span", { class: "bar-stable" }), make("span", { class: "bar-candidate" }));
  return bar;
}

function makeItem(id) {
  const item = {
    id, name: make("span", { class: "item-name" }), phase: make("span", { class: "phase" }),
    serving: make("span", { class: "item-serving" }), message: make("span", { class: "item-message" }),
    bar: barOf(),
  };
  item.link = make("a", { href: `#/d/${id}` },
    make("span", { class: "item-line" }, item.name, item.phase), item.bar,
    make("span", { class: "item-line" }, item.serving, item.message));
  item.li = make("li", { class: "item" }, item.link);
  markOpen(item);
  return item;
}

function fillItem(id, row) {
  const item = items.get(id), tone = view.tone(row), [environment, name] = id.split("/");
  if (item.name.childElementCount === 0)
    item.name.append(make("span", { class: "item-env" }, `${environment}/`), make("strong", {}, name));
  item.li.dataset.tone = tone;
  write(item.phase, view.phaseName(row.phase));
  write(item.serving, view.serving(row));
  write(item.message, row.message ?? "");
  item.bar.firstChild.style.flexGrow = row.stable?.weight ?? 0;
  item.bar.lastChild.style.flexGrow = row.candidate?.weight ?? 0;
  item.bar.classList.toggle("empty", !row.stable?.version && !row.candidate?.version);
  const moved = item.tone !== tone;
  item.tone = tone;
  return moved;
}

function putRow(row) {
  const id = view.idOf(row), before = rows.get(id);
  rows.set(id, row);
  if (!items.has(id)) items.set(id, makeItem(id));
  if (before && before.phase !== row.phase)
    write($("said"), `${id}: ${view.phaseName(row.phase)}, ${view.serving(row)}`);
  return fillItem(id, row) || !before;
}

/** Puts each row where it belongs; those that stand right are not touched, and focus stays. */
function arrange() {
  const focused = document.activeElement, filter = $("find").value.trim();
  const ids = [...rows.keys()].sort();
  let shown = 0;
  for (const group of view.groups) {
    const section = $(`group-${group.tone}`), list = section.querySelector("ul");
    const wanted = ids.filter((id) => items.get(id).tone === group.tone &&
      (!filter || view.matches(rows.get(id), filter)));
    let at = list.firstChild;
    for (const id of wanted) {
      const { li } = items.get(id);
      if (li === at) at = at.nextSibling;
      else list.insertBefore(li, at);
    }
    while (at) { const next = at.nextSibling; at.remove(); at = next; }
    section.hidden = wanted.length === 0;
    write(section.querySelector(".group-count"), view.count(wanted.length));
    shown += wanted.length;
  }
  $("nothing").hidden = shown > 0;
  write($("nothing"), rows.size ? `Nothing here is called “${filter}”.`
    : "Nothing is declared yet. Commit a ModelDeployment to the fleet repository, and it appears here.");
  write($("summary"), view.summary(rows.values()));
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function makeGroups() {
  for (const group of view.groups)
    $("groups").append(make("section", { id: `group-${group.tone}`, class: "group", hidden: true,
      "aria-labelledby": `group-title-${group.tone}` },
      make("h2", { id: `group-title-${group.tone}`, "data-tone": group.tone }, `${group.title} `,
        make("span", { class: "group-count" })),
      make("ul", { role: "list" })));
}

function showController(controller) {
  state.controller = controller;
  const trouble = [];
  if (controller.problem) trouble.push(`Git: ${controller.problem}`);
  else if (controller.isReady && !controller.isGitOk) trouble.push("Git is not looked at as it should be.");
  if (controller.isDiskFull) trouble.push("The disk is full: nothing new begins, what serves goes on.");
  if (!controller.isReady) trouble.push("The controller has not read the fleet yet.");
  $("trouble").hidden = trouble.length === 0;
  write($("trouble"), trouble.join(" "));
}

// ---- one deployment ----

/** Gives `parent` these children; one that is there already, as it should be, is left alone, and where
 * the focus and a table's scroll were they stay. */
function keep(parent, children) {
  const focus = parent.contains(document.activeElement) && document.activeElement.id;
  const scrolled = $("figures")?.scrollLeft ?? 0;
  children.forEach((child, i) => {
    const there = parent.childNodes[i];
    if (!there) parent.append(child);
    else if (!there.isEqualNode(child)) there.replaceWith(child);
  });
  while (parent.childNodes.length > children.length) parent.lastChild.remove();
  if ($("figures")) $("figures").scrollLeft = scrolled;
  if (focus && document.activeElement.id !== focus) $(focus)?.focus({ preventScroll: true });
}

const panel = (title, ...children) => make("section", { class: "panel" }, make("h3", {}, title), ...children);

function waitsPanel(whole) {
  const waits = view.waits(whole, Date.now()), row = whole.deployment;
  if (waits.length === 0 && view.tone(row) === "good") return null;
  const list = make("ul", { class: "waits", role: "list" });
  for (const wait of waits)
    list.append(make("li", {}, make("span", {}, wait.what),
      wait.part === undefined ? null
        : make("progress", { max: 1, value: wait.part.toFixed(3), "aria-label": wait.what })));
  return panel("What it waits for", make("p", {}, row.message ?? view.phaseName(row.phase)),
    waits.length ? list : null);
}

/** Drawn as wide as there is room, so that its letters are as large as all others. */
const chartWidth = () => Math.max(240, Math.min(760, ($("detail").clientWidth || 682) - 42));

/** A time of day, with its date where the drawing spans more than half a day. */
function clock(at, spanMs) {
  const when = new Date(at);
  return spanMs < 43200000 ? when.toLocaleTimeString() : when.toLocaleString([], { dateStyle: "short", timeStyle: "short" });
}

function weightChart(whole) {
  const width = chartWidth(), height = 170, left = 46, top = 10, right = width - left - 6, bottom = height - top - 24;
  const line = view.weightLine(whole.trail ?? [], Date.now(), right, bottom);
  if (!line) return null;
  const plot = draw("g", { transform: `translate(${left} ${top})` });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const y = bottom - share * bottom;
    plot.append(draw("line", { class: "grid", x1: 0, x2: right, y1: y, y2: y }),
      draw("text", { class: "tick", x: -8, y: y + 4, "text-anchor": "end" }, view.percent(share)));
  }
  for (const step of whole.rollout?.steps ?? []) {
    const y = bottom - step.weight * bottom;
    plot.append(draw("line", { class: "step", x1: 0, x2: right, y1: y, y2: y }));
  }
  plot.append(draw("path", { class: "area", d: line.area }), draw("path", { class: "line", d: line.line }));
  const from = (at) => clock(at, line.to - line.from);
  for (const mark of line.marks)
    plot.append(draw("circle", { class: "mark", cx: mark.x, cy: mark.y, r: 3.5 },
      draw("title", {}, `${view.percent(mark.weight)} from ${from(mark.at)}`)));
  plot.append(draw("text", { class: "tick", x: 0, y: bottom + 20 }, from(line.from)),
    draw("text", { class: "tick", x: right, y: bottom + 20, "text-anchor": "end" }, from(line.to)));
  const said = line.marks.map((mark) => `${view.percent(mark.weight)} from ${from(mark.at)}`).join(", ");
  return panel("The candidate's share of traffic", draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart",
    role: "img", "aria-label": `The candidate's share of traffic: ${said}.` }, plot),
  make("p", { class: "small" }, "Dashed: the steps as declared."));
}

function intervalChart(arms, limit) {
  const scale = view.intervals(arms, limit);
  if (!scale) return null;
  const width = chartWidth(), left = Math.min(110, width * 0.22), plot = width - left - 12, high = 34;
  const height = scale.arms.length * high + 26, x = (part) => left + part * plot;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img",
    "aria-label": scale.arms.map((arm) => `${arm.name}: ${view.percent(arm.share)} failed, between ` +
      `${view.percent(arm.low)} and ${view.percent(arm.high)}`).join("; ") });
  for (const part of [0, 0.5, 1])
    svg.append(draw("line", { class: "grid", x1: x(part), x2: x(part), y1: 0, y2: height - 20 }),
      draw("text", { class: "tick", x: x(part), y: height - 4, "text-anchor": part === 1 ? "end" : "middle" },
        view.percent(part * scale.top)));
  if (scale.limit !== undefined)
    svg.append(draw("line", { class: "limit", x1: x(scale.limit), x2: x(scale.limit), y1: 0, y2: height - 20 },
      draw("title", {}, `errors.max: ${view.percent(limit)}`)));
  scale.arms.forEach((arm, i) => {
    const y = i * high + high / 2;
    svg.append(draw("text", { class: "arm", x: 0, y: y + 4 }, arm.name),
      draw("line", { class: `interval ${arm.kind}`, x1: x(arm.from), x2: x(arm.to), y1: y, y2: y }),
      draw("circle", { class: `dot ${arm.kind}`, cx: x(arm.x), cy: y, r: 5 }));
  });
  return svg;
}

function labelsLine(labels, [candidate, stable]) {
  if (!labels) return null;
  if (labels.label === undefined) return make("p", { class: "small" }, "Predictions: none of both versions were logged yet.");
  return make("p", { id: "labels" }, `Predicted ${labels.numbers ? "numbers" : "labels"} differ by ` +
    `${view.percent(labels.distance)} ${labels.numbers ? "of their range " : ""}` +
    `(${view.percent(labels.low)} to ${view.percent(labels.high)}), at most ${view.percent(labels.limit)} is allowed; ` +
    `${labels.label}: ${candidate.name} ${view.percent(labels.candidate)} of ${view.count(labels.candidatePredictions)}, ` +
    `${stable.name} ${view.percent(labels.stable)} of ${view.count(labels.stablePredictions)}.`);
}

function evidencePanel(whole) {
  const evidence = whole.evidence ?? {}, row = whole.deployment;
  if (!evidence.times) return null;
  const arms = [
    { kind: "candidate", name: row.candidate?.version ?? "candidate", ...evidence.candidate },
    { kind: "stable", name: row.stable?.version ?? "stable", ...evidence.stable },
  ];
  const body = make("tbody");
  for (const arm of arms)
    body.append(make("tr", {}, make("th", { scope: "row" }, arm.name),
      ...[view.count(arm.requests), view.count(arm.bad), view.percent(arm.share),
        arm.share === undefined ? "–" : `${view.percent(arm.low)} to ${view.percent(arm.high)}`,
        view.ms(arm.p95Ms)].map((text) => make("td", {}, text))));
  const head = make("tr", {}, ...["Version", "Requests", "Failed", "Share", "95 % interval", "Latency p95"]
    .map((text) => make("th", { scope: "col" }, text)));
  const chart = intervalChart(arms, whole.rollout?.errorsMax);
  return panel("Evidence since the rollout began", chart,
    chart && make("p", { class: "small" }, "Share of failed requests with its 95 % interval; the dashed red line is errors.max."),
    make("div", { class: "scroll", id: "figures", tabindex: "0", role: "region", "aria-label": "Evidence in figures" },
      make("table", {}, make("thead", {}, head), body)),
    labelsLine(evidence.predictions, arms));
}

function historyPanel(title, history) {
  if (!history?.length) return null;
  const list = make("ol", { class: "history" });
  for (const entry of history)
    list.append(make("li", {}, make("p", { class: "what" }, entry.what ?? "", " ", time(entry.at)),
      entry.why ? make("p", { class: "why" }, entry.why) : null));
  return panel(title, list);
}

function versionsPanel(status) {
  const list = make("ul", { class: "versions", role: "list" });
  for (const entry of status.promoted ?? [])
    list.append(make("li", {}, make("strong", {}, entry.version ?? "?"), " promoted ", time(entry.at)));
  for (const entry of status.quarantine ?? [])
    list.append(make("li", { "data-tone": "bad" }, make("strong", {}, entry.version ?? "?"),
      ` in quarantine: ${entry.reason ?? ""} `, time(entry.at)));
  return list.childElementCount ? panel("Versions", list) : null;
}

function trainingPanel(model, name) {
  const lines = model ? view.trainingLines(model) : [];
  if (!lines.length) return name ? panel("Last training run", make("p", { class: "small" },
    `${name} has not been trained by this controller.`)) : null;
  const list = make("dl", { class: "facts" });
  for (const line of lines)
    list.append(make("dt", {}, line.name), make("dd", {}, line.at ? time(line.at) : line.text));
  return panel("Last training run", list);
}

function factsOf(row, status) {
  const facts = [["Serving", view.serving(row)], ["Replicas", `${row.stable?.ready ?? 0} of ${row.replicas} ready` +
    (row.candidate?.version ? `, and ${row.candidate.ready} of the candidate` : "")]];
  if (row.model) facts.push(["Model", row.model]);
  if (status?.observed?.commit) facts.push(["Fleet commit", status.observed.commit.slice(0, 10)]);
  return make("dl", { class: "facts" }, ...facts.flatMap(([name, text]) =>
    [make("dt", {}, name), make("dd", {}, text)]));
}

function showDetail() {
  const { whole, open } = state, detail = $("detail");
  if (!open || !whole) return;
  const row = whole.deployment;
  const conditions = (whole.status?.conditions ?? []).filter((c) => c.status === "False" && c.type !== "Synced");
  tick();
  keep(detail, [
    make("a", { class: "back", href: "#/", id: "back" }, "All deployments"),
    make("header", { class: "detail-head", "data-tone": view.tone(row) },
      make("h2", { id: "detail-title", tabindex: "-1" }, make("span", { class: "item-env" }, `${row.environment}/`), row.name),
      make("p", { class: "phase" }, view.phaseName(row.phase)),
      make("p", { class: "small" }, "for ", make("time", { datetime: row.since, "data-span": "" },
        view.span(Date.now() - Date.parse(row.since))))),
    factsOf(row, whole.status),
    ...conditions.map((c) => make("p", { class: "condition", "data-tone": "bad" }, `${c.type}: ${c.message ?? c.reason}`)),
    waitsPanel(whole), weightChart(whole), evidencePanel(whole),
    historyPanel("What happened, and why", whole.status?.history),
    versionsPanel(whole.status ?? {}), trainingPanel(state.model, row.model),
    historyPanel("The retraining cycle", state.model?.status?.history),
  ].filter(Boolean));
}

// ---- reading ----

async function read(path, signal) {
  const headers = state.token ? { Authorization: `Bearer ${state.token}` } : {};
  const answer = await fetch(path, { headers, signal, cache: "no-store" });
  if (answer.status === 401) { askToken(); throw new Error("a token is needed"); }
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `status ${answer.status}`);
  return answer;
}

function askToken() {
  $("trouble").hidden = !state.token;
  if (state.token) write($("trouble"), "The controller refused this token.");
  $("sign-in").hidden = false;
  $("main").hidden = true;
  $("token").focus();
}

/** Who has just opened a deployment begins to read at its title. */
function arrive() {
  if (state.arrived) return;
  state.arrived = true;
  $("detail-title")?.focus({ preventScroll: true });
  if (matchMedia("(max-width: 60rem)").matches) scrollTo(0, 0);
}

let reading = false, again = false;
async function readDetail() {
  if (reading) { again = true; return; }
  reading = true;
  const id = state.open;
  try {
    const whole = id ? await (await read(`/api/v1/deployments/${id}`)).json() : null;
    const model = whole?.deployment.model
      ? await read(`/api/v1/models/${whole.deployment.model}`).then((a) => a.json()).catch(() => null) : null;
    if (id === state.open) { state.whole = whole; state.model = model; showDetail(); arrive(); }
  } catch (error) {
    if (id === state.open && id && !state.whole) {
      $("detail").replaceChildren(make("a", { class: "back", href: "#/", id: "back" }, "All deployments"),
        make("h2", { id: "detail-title", tabindex: "-1" }, id), make("p", {}, error.message));
      arrive();
    }
  } finally {
    reading = false;
    if (again) { again = false; setTimeout(readDetail, id === state.open ? 500 : 0); }
  }
}

function markOpen(item) {
  if (item?.id === state.open) item.link.setAttribute("aria-current", "true");
  else item?.link.removeAttribute("aria-current");
}

function openFromAddress() {
  const found = /^#\/d\/([^/]+\/[^/]+)$/.exec(location.hash), id = found ? found[1] : null;
  if (id === state.open) return;
  const before = state.open;
  Object.assign(state, { open: id, whole: null, model: null, arrived: !id });
  $("main").dataset.open = id ? "detail" : "fleet";
  $("detail").hidden = !id;
  markOpen(items.get(before));
  markOpen(items.get(id));
  document.title = id ? `${id} – Linnet` : "Linnet";
  if (!id) { items.get(before)?.link.focus({ preventScroll: true }); return; }
  readDetail();
}

// ---- following ----

function linkState(text, tone) {
  $("link").dataset.tone = tone;
  write($("link"), text);
}

let redraw = 0, order = false;
function later(needsOrder) {
  order ||= needsOrder;
  redraw ||= setTimeout(() => {
    if (order) arrange(); else write($("summary"), view.summary(rows.values()));
    redraw = 0; order = false;
  }, 80);
}

function take(event) {
  const data = JSON.parse(event.data);
  if (event.type === "deployment") later(putRow(data));
  else if (event.type === "controller") showController(data);
  else if (event.type === "gone" && data.environment) {
    rows.delete(view.idOf(data)); items.get(view.idOf(data))?.li.remove(); items.delete(view.idOf(data));
    later(true);
  }
  const concerns = event.type === "model" ? data.name === state.whole?.deployment.model
    : event.type === "deployment" && view.idOf(data) === state.open;
  if (concerns) readDetail();
}

/** Takes in changes until too many came at once to be told one by one; throws when the line is lost,
 * or as silent as it never is: the controller says something every fifteen seconds. */
async function follow(sequence, stop) {
  const answer = await read(`/api/v1/events?after=${sequence}`, stop.signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  linkState("live", "good");
  for (let text = ""; ;) {
    const silence = setTimeout(() => stop.abort(), 60000);
    const { value, done } = await reader.read().finally(() => clearTimeout(silence));
    if (done) throw new Error("the controller has closed the connection");
    const { events, rest } = view.takeEvents(text + value);
    text = rest;
    if (events.some((event) => event.type === "reset")) return;
    events.forEach(take);
  }
}

async function readFleet() {
  const fleet = await (await read("/api/v1/fleet")).json();
  const seen = new Set(fleet.deployments.map(view.idOf));
  for (const id of [...rows.keys()]) if (!seen.has(id)) { rows.delete(id); items.delete(id); }
  for (const row of fleet.deployments) putRow(row);
  showController(fleet.controller);
  arrange();
  return fleet.sequence;
}

async function run() {
  for (let wait = 500; $("sign-in").hidden; wait = Math.min(wait * 2, 10000)) {
    const stop = new AbortController();
    try {
      const sequence = await readFleet();
      wait = 500;
      if (state.open) readDetail();
      await follow(sequence, stop);
    } catch (error) {
      linkState("not connected; trying again", "bad");
    }
    stop.abort();
    await new Promise((done) => setTimeout(done, wait));
  }
}

function tick() {
  for (const element of document.querySelectorAll("time[data-ago]"))
    write(element, `${view.span(Date.now() - Date.parse(element.dateTime))} ago`);
  for (const element of document.querySelectorAll("time[data-span]"))
    write(element, view.span(Date.now() - Date.parse(element.dateTime)));
}

makeGroups();
$("find").addEventListener("input", arrange);
addEventListener("hashchange", openFromAddress);
document.querySelector(".skip").addEventListener("click", (event) => { // the address says what is open
  event.preventDefault();
  $("main").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    $("find").focus();
  } else if (event.key === "Escape" && state.open && document.activeElement !== $("find")) location.hash = "#/";
});
$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = $("token").value.trim();
  sessionStorage.setItem("token", state.token);
  $("token").value = "";
  $("sign-in").hidden = true;
  $("main").hidden = false;
  run();
});
setInterval(tick, 5000);
let resized = 0;
addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(showDetail, 150); });
run();
openFromAddress();
