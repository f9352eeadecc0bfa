// Pictures of numbers, as SVG. Each has a name that says in words what it shows.
import {h, svg} from "./dom.js";

const defined = (values) => values.filter((value) => value !== undefined);

// The values' line, broken where there is none.
function line(values, x, y, kind) {
  let path = "";
  let drawing = false;
  values.forEach((value, i) => {
    if (value === undefined) return void (drawing = false);
    const alone = values[i - 1] === undefined && values[i + 1] === undefined;
    path += `${drawing ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}${alone ? "h1.5" : ""}`;
    drawing = true;
  });
  return svg("path", {d: path, class: `series ${kind}`});
}

export function sparkline(values, name, format) {
  const most = Math.max(...defined(values), 1e-12);
  const last = defined(values).at(-1);
  const count = Math.max(values.length, 12);
  const shift = count - values.length;
  const picture = line(values, (i) => (i + shift) / (count - 1) * 118 + 1, (value) => 22 - value / most * 20, "c0");
  return svg("svg", {class: "spark", viewBox: "0 0 120 24", preserveAspectRatio: "none", role: "img",
                     "aria-label": `${name}: ${last === undefined ? "nothing" : format(last)}`}, picture);
}

// 1, 2 or 5 times a power of ten that is not below `value`.
function round_up(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((step) => step * power >= value * 0.9999);
}

const WIDE = 560;
const HIGH = 190;
const LEFT = 92;
const BOTTOM = 22;

// `series`: [{name, values}], all of one length, the newest last; `seconds` is how long ago the first is.
export function lines(name, series, format, seconds) {
  const all = series.flatMap((one) => defined(one.values));
  const top = round_up(Math.max(...all, 1e-9));
  const longest = Math.max(...series.map((one) => one.values.length), 2);
  const x = (i) => LEFT + i / (longest - 1) * (WIDE - LEFT - 6);
  const y = (value) => 16 + (1 - value / top) * (HIGH - BOTTOM - 16);
  const grid = [0, 0.5, 1].map((part) => [
    svg("line", {class: "axis", x1: LEFT, x2: WIDE - 6, y1: y(part * top), y2: y(part * top)}),
    all.some((value) => value > 0) ? svg("text", {x: LEFT - 8, y: y(part * top) + 4, "text-anchor": "end"}, part === 0 ? "0" : format(part * top)) : null]);
  const ago = seconds >= 90 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds)} s ago`;
  const times = [svg("text", {x: LEFT, y: HIGH - 5}, ago), svg("text", {x: WIDE - 6, y: HIGH - 5, "text-anchor": "end"}, "now")];
  const drawn = series.map((one, i) => line(one.values, (k) => x(k + longest - one.values.length), y, `c${i % 6}`));
  const lasts = series.map((one) => one.values.at(-1));
  const said = series.map((one, i) => `${one.name} ${lasts[i] === undefined ? "nothing" : format(lasts[i])}`).join(", ");
  const legend = h("ul", {class: "legend", "aria-hidden": "true"}, series.map((one, i) =>
    h("li", {class: `c${i % 6}`}, one.name, " ", h("b", {}, lasts[i] === undefined ? "\u2013" : format(lasts[i])))));
  return h("div", {}, svg("svg", {class: "plot", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${name}: ${said}`}, grid, times, drawn), legend);
}

// How many took how long: `counts` are cumulative, as Prometheus has them. `promise`, if any, is drawn where it lies.
export function histogram(name, bounds, counts, format, promise) {
  const each = counts.map((count, i) => count - (i > 0 ? counts[i - 1] : 0));
  const total = counts.at(-1) ?? 0;
  if (!(total > 0)) return h("p", {class: "empty"}, "No requests in this time.");
  const most = Math.max(...each);
  const width = (WIDE - 12) / each.length;
  const base = HIGH - BOTTOM;
  const bars = each.map((count, i) => {
    const high = count === 0 ? 0 : Math.max(count / most * (base - 24), 1.5);
    const title = `${i > 0 ? format(bounds[i - 1]) : "0"} to ${bounds[i] === Infinity ? "more" : format(bounds[i])}: ${Math.round(count)} of ${Math.round(total)}`;
    return [svg("rect", {class: "bar", x: 6 + i * width + 1.5, y: base - high, width: width - 3, height: high, rx: 2}, svg("title", {}, title)),
            count > 0 ? svg("text", {x: 6 + (i + 0.5) * width, y: base - high - 5, "text-anchor": "middle", class: count / total < 0.02 ? "roomy" : ""}, share(count / total)) : null,
            bounds[i] === Infinity ? null : svg("text", {x: 6 + (i + 1) * width, y: HIGH - 6, "text-anchor": "middle", class: i % 2 ? "" : "roomy"}, short(bounds[i]))];
  });
  const where = promise === undefined ? null : place(promise, bounds, width);
  const mark = where === null ? null : svg("line", {class: "mark-line", x1: where, x2: where, y1: 4, y2: base}, svg("title", {}, `promised: ${format(promise)}`));
  const said = each.map((count, i) => count > 0 ? `${share(count / total)} up to ${bounds[i] === Infinity ? "more" : format(bounds[i])}` : "").filter(Boolean);
  return svg("svg", {class: "plot", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${name}: ${said.join(", ")}`},
             svg("line", {class: "axis", x1: 6, x2: WIDE - 6, y1: base, y2: base}), bars, mark);
}

const share = (part) => part >= 0.995 && part < 1 ? ">99%" : part < 0.01 ? "<1%" : `${Math.round(part * 100)}%`;
const short = (value) => value >= 1 ? `${Math.round(value)}s` : value >= 1e-3 ? `${Math.round(value * 1e3)}ms` : `${Math.round(value * 1e6)}\u00b5s`;

// Bounds are equally far apart in the picture, and powers of four in truth.
function place(value, bounds, width) {
  const at = bounds.findIndex((bound) => value <= bound);
  const low = at > 0 ? bounds[at - 1] : bounds[0] / 4;
  const high = bounds[at] === Infinity ? low * 4 : bounds[at];
  return 6 + (at + Math.min(Math.max(Math.log(value / low) / Math.log(high / low), 0), 1)) * width;
}
