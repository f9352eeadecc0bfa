// Elements, and numbers for people. Nothing on this page parses markup: what others wrote is only ever text.
const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

export const link = (kind, name) => h("a", {href: `#/${kind}/${encodeURIComponent(name)}`}, name);
export const card = (title, ...content) => h("section", {class: "card"}, h("h2", {}, title), content);
export const tile = (title, value, mood) => h("div", {class: `tile ${mood ?? ""}`}, h("dt", {}, title), h("dd", {}, value));
export const badge = (text, mood) => h("span", {class: `badge ${mood ?? ""}`}, text);
export const trouble = (error) => h("p", {class: "trouble", role: "alert"}, error.message ?? String(error));

const MOODS = {Bound: "good", Ready: "good", Denied: "odd", Failed: "bad", Pending: ""};
export const state = (word) => badge(word ?? "unknown", MOODS[word]);

// A table: `columns` are [title, class], `rows` lists of cells; the first cell of a row is its head.
export function table(caption, columns, rows, empty) {
  if (rows.length === 0) return h("p", {class: "empty"}, empty ?? "Nothing yet.");
  const head = columns.map(([title, kind]) => h("th", {scope: "col", class: kind}, title));
  const body = rows.map((cells) => h("tr", {}, cells.map((cell, i) => i === 0
    ? h("th", {scope: "row", class: columns[i][1], "data-head": columns[i][0]}, h("div", {}, cell))
    : h("td", {class: columns[i][1], "data-head": columns[i][0]}, h("div", {}, cell)))));
  return h("div", {class: "scroll"}, h("table", {class: "stack"}, caption && h("caption", {}, caption), h("thead", {}, h("tr", {}, head)),
    h("tbody", {}, body)));
}

export const facts = (pairs) => h("dl", {class: "facts"}, pairs.filter(([, value]) => value !== undefined && value.length !== 0)
  .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

function scaled(value, steps) {
  let [size, unit] = steps[0];
  for (const [bound, name] of steps) if (value >= bound) [size, unit] = [bound, name];
  const number = value / size;
  return `${number >= 100 ? number.toFixed(0) : Number(number.toFixed(number >= 10 ? 1 : 2))}${unit}`;
}

const NONE = "\u2013";
const known = (value) => value !== undefined && value !== null && Number.isFinite(value);
export const seconds = (value) => known(value) ? scaled(value, [[1e-9, " ns"], [1e-6, " \u00b5s"], [1e-3, " ms"], [1, " s"]]) : NONE;
export const rate = (value) => known(value) ? `${scaled(value, [[1, ""], [1e3, " k"], [1e6, " M"]])}/s` : NONE;
export const count = (value) => known(value) ? Math.round(value).toLocaleString("en") : NONE;
export const bytes = (value) => known(value) ? scaled(value, [[1, " B"], [1024, " KiB"], [1048576, " MiB"], [1073741824, " GiB"]]) : NONE;
export const percent = (value) => known(value) ? `${(value * 100).toFixed(value > 0 && value < 0.1 ? 2 : 0)} %` : NONE;
// A part that is close to all: as many places as it takes to tell 99.9 from 99.99.
export const share = (value) => known(value) ? `${Number((value * 100).toPrecision(6))} %` : NONE;
export const time = (text) => {
  const at = new Date(text);
  return h("time", {datetime: text, title: text}, Number.isNaN(at.getTime()) ? text : at.toLocaleString("sv"));
};

// "250us" as policies write it, in seconds.
export function duration(text) {
  const parts = /^(\d+)(us|ms|s|m|h)$/.exec(text ?? "");
  return parts ? parts[1] * {us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600}[parts[2]] : undefined;
}
