// As much of a page as app.mjs uses, so that it can run without a browser: a tree of elements, text,
// attributes, focus and events. No layout, no styles; what is not here throws.

class Node {
  childNodes = [];
  parentNode = null;
  get firstChild() { return this.childNodes[0] ?? null; }
  get lastChild() { return this.childNodes.at(-1) ?? null; }
  get nextSibling() {
    const all = this.parentNode?.childNodes ?? [];
    return all[all.indexOf(this) + 1] ?? null;
  }
  get isConnected() { return this === document.documentElement || !!this.parentNode?.isConnected; }
  get childElementCount() { return this.childNodes.filter((n) => n instanceof Element).length; }
  get textContent() { return this.childNodes.map((n) => n.textContent).join(""); }
  set textContent(text) { this.replaceChildren(String(text)); }
  remove() {
    if (!this.parentNode) return;
    if (this.contains(document.activeElement)) document.activeElement = document.body;
    this.parentNode.childNodes.splice(this.parentNode.childNodes.indexOf(this), 1);
    this.parentNode = null;
  }
  insertBefore(node, before) {
    node.remove();
    const at = before ? this.childNodes.indexOf(before) : this.childNodes.length;
    if (at < 0) throw new Error("insertBefore: no child of this node");
    this.childNodes.splice(at, 0, node);
    node.parentNode = this;
  }
  append(...nodes) {
    for (const node of nodes)
      this.insertBefore(node instanceof Node ? node : new Text(String(node)), null);
  }
  replaceChildren(...nodes) {
    for (const node of [...this.childNodes]) node.remove();
    this.append(...nodes);
  }
  replaceWith(node) {
    this.parentNode.insertBefore(node, this);
    this.remove();
  }
  isEqualNode(other) {
    return this.localName === other.localName && this.text === other.text &&
      JSON.stringify(this.attributes) === JSON.stringify(other.attributes) &&
      this.childNodes.length === other.childNodes.length &&
      this.childNodes.every((child, i) => child.isEqualNode(other.childNodes[i]));
  }
  contains(node) {
    for (let at = node; at; at = at.parentNode) if (at === this) return true;
    return false;
  }
  *walk() {
    for (const child of this.childNodes)
      if (child instanceof Element) { yield child; yield* child.walk(); }
  }
  // "ul", ".name", "time[data-ago]"
  querySelectorAll(selector) {
    const found = /^([a-z]*)(?:\.([\w-]+))?(?:\[([\w-]+)\])?$/.exec(selector);
    if (!found) throw new Error(`selector ${selector}`);
    const [, tag, name, attribute] = found;
    return [...this.walk()].filter((e) => (!tag || e.localName === tag) &&
      (!name || (e.getAttribute("class") ?? "").split(" ").includes(name)) &&
      (!attribute || e.hasAttribute(attribute)));
  }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
}

class Text extends Node {
  constructor(text) { super(); this.text = text; }
  get textContent() { return this.text; }
}

export class Element extends Node {
  #attributes = new Map();
  #listeners = [];
  style = {};
  value = "";
  constructor(name) {
    super();
    this.localName = name;
    this.tagName = name.toUpperCase();
    const key = (property) => `data-${property.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
    this.dataset = new Proxy({}, {
      get: (_, property) => this.getAttribute(key(property)) ?? undefined,
      set: (_, property, value) => { this.setAttribute(key(property), value); return true; },
    });
    this.classList = {
      toggle: (name, on) => {
        const names = new Set((this.getAttribute("class") ?? "").split(" ").filter(Boolean));
        if (on) names.add(name); else names.delete(name);
        this.setAttribute("class", [...names].join(" "));
      },
    };
  }
  setAttribute(name, value) { this.#attributes.set(name, String(value)); }
  getAttribute(name) { return this.#attributes.get(name) ?? null; }
  hasAttribute(name) { return this.#attributes.has(name); }
  removeAttribute(name) { this.#attributes.delete(name); }
  get attributes() { return [...this.#attributes]; }
  get id() { return this.getAttribute("id") ?? ""; }
  get dateTime() { return this.getAttribute("datetime"); }
  get hidden() { return this.hasAttribute("hidden"); }
  set hidden(on) { if (on) this.setAttribute("hidden", ""); else this.removeAttribute("hidden"); }
  get innerHTML() { throw new Error("innerHTML"); }
  set innerHTML(_) { throw new Error("innerHTML"); }
  focus() { document.activeElement = this; }
  addEventListener(type, listener) { this.#listeners.push([type, listener]); }
  dispatch(type, event = {}) {
    for (const [of, listener] of this.#listeners)
      if (of === type) listener({ preventDefault() {}, target: this, ...event });
  }
}

const VOID = new Set(["meta", "link", "img", "input", "br"]);

/** The elements of a well-formed page; an error where a tag is not closed as it was opened. */
export function parse(html) {
  const root = new Element("#page"), open = [root];
  const tags = /<!doctype html>|<!--[^]*?-->|<(\/?)([a-z][a-z0-9]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*>|([^<]+)/gy;
  let found, end = 0;
  while ((found = tags.exec(html))) {
    end = tags.lastIndex;
    const [, close, name, attributes, text] = found;
    if (text !== undefined) { if (text.trim()) open.at(-1).append(text); continue; }
    if (!name) continue;
    if (close) {
      if (open.at(-1).localName !== name) throw new Error(`</${name}> closes <${open.at(-1).localName}>`);
      open.pop();
      continue;
    }
    const element = new Element(name);
    for (const [, key, value] of attributes.matchAll(/([\w-]+)(?:="([^"]*)")?/g))
      element.setAttribute(key, value ?? "");
    open.at(-1).append(element);
    if (!VOID.has(name)) open.push(element);
  }
  if (end !== html.length) throw new Error(`not well-formed: ${html.slice(end, end + 60)}`);
  if (open.length !== 1) throw new Error(`<${open.at(-1).localName}> is not closed`);
  return root.firstChild;
}

/** Makes the globals that a page has, with `fetch` going to `origin`. */
export function openPage(html, origin) {
  const listeners = new Element("#window"), store = new Map(), fetched = globalThis.fetch;
  globalThis.document = Object.assign(new Element("#document"), {
    createElement: (name) => new Element(name),
    createElementNS: (_, name) => new Element(name),
    getElementById: (id) => [...document.documentElement.walk()].find((e) => e.id === id) ?? null,
    querySelectorAll: (selector) => document.documentElement.querySelectorAll(selector),
  });
  document.documentElement = parse(html);
  document.body = document.documentElement.querySelector("body");
  document.activeElement = document.body;
  globalThis.addEventListener = (type, listener) => listeners.addEventListener(type, listener);
  globalThis.sessionStorage = {
    getItem: (key) => store.get(key) ?? null, setItem: (key, value) => store.set(key, String(value)),
  };
  globalThis.matchMedia = () => ({ matches: false });
  globalThis.scrollTo = () => {};
  let hash = "";
  globalThis.location = {
    get hash() { return hash; },
    set hash(value) { hash = value; listeners.dispatch("hashchange"); },
  };
  globalThis.fetch = (path, options) => fetched(new URL(path, origin), options);
}
