// Lists of domains, bindings and services: a page at a time, however many there are.
import {PAGE, begins, get, object, quoted} from "./api.js";
import {badge, count, duration, h, link, rate, seconds, state, table, trouble} from "./dom.js";
import {sparkline} from "./charts.js";
import {quantile} from "./metrics.js";

const LOOKS = 40;  // that a latency is taken of

// What was promised to a binding, and whether it is kept: by the requests of the last looks.
export async function objectives_of(binding) {
  const {sla} = binding.spec;
  if (typeof sla !== "string") return sla?.objectives;
  return object("slas", sla).then((found) => found.spec.objectives, () => undefined);
}

export function promise(objectives, series) {
  const limit = duration(objectives?.latencyP99);
  if (limit === undefined) return objectives ? badge("no latency promised") : "";
  const {bounds, counts} = series?.window(LOOKS) ?? {bounds: [], counts: []};
  const now = quantile(0.99, bounds, counts);
  if (now === undefined) return badge("not measured");
  return now <= limit ? badge("kept", "good") : badge("missed", "bad");
}

const KINDS = {
  bindings: {
    title: "Bindings", prefixes: ["metadata.name", "spec.domain", "spec.service"], states: ["Bound", "Pending", "Denied", "Failed"],
    columns: [["Binding"], ["Domain"], ["Service"], ["State"], ["Requests", "number"], ["p99", "number"], ["Lately"], ["Promise"], ["Why", "text"]],
    row(item, app, extra) {
      const series = app.history.binding(item.metadata.name);
      const {bounds, counts} = series?.window(LOOKS) ?? {bounds: [], counts: []};
      return [link("bindings", item.metadata.name), link("domains", item.spec.domain), link("services", item.spec.service), state(item.status?.state),
              rate(series?.last.rate), seconds(quantile(0.99, bounds, counts)), series ? sparkline(series.rates, `requests of ${item.metadata.name}`, rate) : "",
              promise(extra.get(item.metadata.name), series),
              [...new Set([item.status?.decision?.message, item.status?.message])].filter(Boolean).join("; ")];
    },
    async extra(items) {
      return new Map(await Promise.all(items.filter((item) => item.spec.sla).map(async (item) => [item.metadata.name, await objectives_of(item)])));
    },
  },
  domains: {
    title: "Domains", prefixes: ["metadata.name", "spec.type"], states: ["Ready", "Pending", "Failed"],
    columns: [["Domain"], ["Type"], ["State"], ["Labels"], ["Description", "text"]],
    row: (item) => [link("domains", item.metadata.name), item.spec.type, state(item.status?.state), labels(item), item.spec.description ?? ""],
  },
  services: {
    title: "Services", prefixes: ["metadata.name", "spec.kind"], states: [],
    columns: [["Service"], ["Kind"], ["State"], ["Requests", "number"], ["p50", "number"], ["p99", "number"], ["Lately"]],
    row(item, app) {
      const series = app.history.services.get(item.metadata.name);
      const {bounds, counts} = series?.window(LOOKS) ?? {bounds: [], counts: []};
      return [link("services", item.metadata.name), item.spec.kind, state(item.status?.state), rate(series?.last.rate), seconds(quantile(0.5, bounds, counts)),
              seconds(quantile(0.99, bounds, counts)), series ? sparkline(series.rates, `requests of ${item.metadata.name}`, rate) : ""];
    },
  },
};

export const labels = (item) => Object.entries(item.metadata.labels ?? {}).map(([name, value]) => [badge(`${name}=${value}`), " "]);

export function objects(app, plural) {
  const kind = KINDS[plural];
  const singular = {bindings: "Binding", domains: "Domain", services: "Service"}[plural];
  let starts = [""];  // of the pages up to this one: what `continue` says
  let page;
  let extra = new Map();
  let asked = 0;
  const list = h("div", {class: "card"}, h("p", {class: "empty"}, "Loading \u2026"));
  const where = h("span", {role: "status"});
  const search = h("input", {type: "search", id: "search", placeholder: "beginning of a name", input: () => later(first, 250)});
  const choice = h("select", {id: "choice", change: () => first()}, h("option", {value: ""}, "any"), kind.states.map((word) => h("option", {value: word}, word)));
  const back = h("button", {type: "button", disabled: true, click: () => { starts.pop(); load(); }}, "Previous");
  const on = h("button", {type: "button", disabled: true, click: () => { starts.push(page.metadata.continue); load(); }}, "Next");

  let timer;
  function later(what, after) {
    clearTimeout(timer);
    timer = setTimeout(what, after);
  }
  function filter() {
    const parts = [];
    if (search.value.trim()) parts.push(`(${begins(kind.prefixes, search.value.trim())})`);
    if (choice.value) parts.push(`status.state eq ${quoted(choice.value)}`);
    return parts.join(" and ");
  }
  async function load() {
    const mine = ++asked;
    try {
      const found = await get(plural, {limit: PAGE, continue: starts.at(-1), filter: filter()});
      if (mine !== asked) return;
      if (found.items.length === 0 && starts.length > 1) return void (starts.pop(), load());  // what was there is gone
      page = found;
      extra = await (kind.extra?.(found.items) ?? new Map());
      if (mine === asked) draw();
    } catch (error) {
      if (mine === asked) list.replaceChildren(trouble(error));
    }
  }
  function draw() {
    if (!page) return;
    const from = (starts.length - 1) * PAGE;
    const total = app.node?.status.objects[plural];
    const all = filter() === "" && total !== undefined ? ` of ${count(total)}` : page.metadata.continue ? " and more" : "";
    where.textContent = page.items.length ? `${count(from + 1)} to ${count(from + page.items.length)}${all}` : "";
    back.disabled = starts.length === 1;
    on.disabled = !page.metadata.continue;
    if (list.contains(document.activeElement)) return;  // do not take the row away under who tabs through it
    list.replaceChildren(table(null, kind.columns, page.items.map((item) => kind.row(item, app, extra)),
                               filter() ? "Nothing that fits." : `No ${plural} are declared.`));
  }
  function first() {
    starts = [""];
    load();
  }
  load();
  return {
    title: kind.title,
    element: h("div", {}, h("h1", {}, kind.title),
      h("div", {class: "tools"}, h("label", {for: "search"}, "Search", search), kind.states.length ? h("label", {for: "choice"}, "State", choice) : null),
      list, h("div", {class: "pages"}, where, h("div", {}, back, on))),
    tick: draw,
    event: (event) => event.kind === singular && later(load, 500),
  };
}
