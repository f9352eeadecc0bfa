// One binding, domain or service.
import {get, object, quoted} from "./api.js";
import {badge, bytes, card, count, duration, facts, h, link, rate, seconds, share, state, table, time, trouble} from "./dom.js";
import {histogram, lines} from "./charts.js";
import {quantile} from "./metrics.js";
import {labels, objectives_of, promise} from "./objects.js";
import {recent} from "./events.js";

const us = (value) => seconds(value === undefined ? undefined : value / 1e6);
const documented = (item) => h("details", {class: "card wide"}, h("summary", {}, "As the daemon has it"), h("pre", {tabindex: "0"}, JSON.stringify(item, null, 2)));

function conditions(item) {
  return table(null, [["Condition"], ["So"], ["Reason"], ["Message", "text"], ["Since", "time"]], item.status.conditions.map((one) =>
    [one.type, badge(one.status, {True: "good", False: "odd"}[one.status]), one.reason, one.message, time(one.since)]), "None.");
}

function decision({decision: made}) {
  if (!made) return h("p", {class: "empty"}, "Not decided yet.");
  const at = made.source ? `${made.source.file}, line ${made.source.line}` : "";
  return [h("p", {}, made.allowed ? badge("allowed", "good") : badge("denied", "odd"), " ", made.message),
          facts([["Policy", made.policy || "none: what no rule allows is denied"], ["Rule", made.rule], ["Where", at]])];
}

// What the backend says of a binding now.
function lively(live) {
  const {total, queue, service} = live.latency;
  const latencies = [["Wait before service", queue], ["Service", service], ["Together", total]].map(([name, one]) =>
    [name, ...[one.p50Us, one.p90Us, one.p99Us, one.p999Us, one.maxUs].map((value) => us(one.count ? value : undefined)), count(one.count)]);
  const answers = Object.entries(live.answers).map(([status, number]) => `${status} ${count(number)}`).join(", ");
  const broken = Object.entries(live.broken.byReason).map(([why, number]) => `${why} ${count(number)}`).join(", ");
  const {policy, limit, memory, handshake} = live.refusals;
  return h("div", {class: "grid"},
    card("Latency since the backend started", table(null, [[""], ["p50", "number"], ["p90", "number"], ["p99", "number"], ["p99.9", "number"], ["Most", "number"], ["Of", "number"]], latencies)),
    card("Now", facts([["Sessions", `${count(live.sessions.live)} open, ${count(live.sessions.opened)} so far`], ["Requests", count(live.requests)], ["Answers", answers],
      ["Loop", String(live.loop)], ["Processor time", us(live.cpuMs * 1000)], ["Domain's memory", bytes(live.domainMemoryBytes)],
      ["Waiting in rings", `${bytes(live.rings.requestBytesWaiting)} of requests, ${bytes(live.rings.responseBytesWaiting)} of answers`],
      ["Doorbells", `${count(live.doorbells.received)} from the guest (${count(live.doorbells.inVain)} in vain), ${count(live.doorbells.sent)} to it, ${count(live.doorbells.suppressed)} not needed`],
      ["Held back", `${count(live.requestsThrottled)} by the rate, ${count(live.requestsHeld)} by its own unanswered requests`],
      ["Refused", `${count(policy)} by policy, ${count(limit)} by limits, ${count(memory)} for memory, ${count(handshake)} did not speak the protocol`],
      ["Rings broken", broken]])));
}

export function channel_table(live) {
  return [table(null, [["Channel"], ["Events", "number"], ["Subscribers", "number"], ["Retained"], ["Largest", "number"], ["Content"]],
    live.channels.map((one) => [one.name, count(one.events), count(one.subscribers), one.retained ? "yes" : "no", one.eventBytesMax ? bytes(one.eventBytesMax) : "\u2013", one.contentType ?? ""]),
    "Nothing was published yet."),
    live.channels.length < live.channelsTotal && h("p", {class: "hint"}, `${count(live.channels.length)} of ${count(live.channelsTotal)}.`)];
}

function pictures(app, series, promised, ...others) {
  const span = (Date.now() - app.history.times[0]) / 1000;
  if (!series) return h("div", {class: "grid"}, card("Use", h("p", {class: "empty"}, "Not used since its backend started.")), others);
  const {bounds, counts} = series.window();
  return h("div", {class: "grid"},
    card("Requests", lines("Requests", [{name: "requests", values: series.rates}], rate, span)),
    card("Latency", lines("Latency", [["p50", 0.5], ["p99", 0.99]].map(([name, part]) => ({name, values: series.quantiles(part)})), seconds, span)),
    card("How long requests took", h("p", {class: "hint"}, promised === undefined ? "Since this page was opened, or 4 minutes." : `Since this page was opened, or 4 minutes. Dashed: the p99 that was promised, ${seconds(promised)}.`),
         histogram("How long requests took", bounds, counts, seconds, promised)), others);
}

function sla(objectives, series, item) {
  if (!objectives) return h("p", {class: "empty"}, "Nothing was promised.");
  const {bounds, counts} = series?.window() ?? {bounds: [], counts: []};
  const measured = (part) => quantile(part, bounds, counts);
  const rows = [["p50", objectives.latencyP50, 0.5], ["p99", objectives.latencyP99, 0.99], ["p99.9", objectives.latencyP999, 0.999]].filter(([, text]) => text)
    .map(([name, text, part]) => {
      const now = measured(part);
      return [name, seconds(duration(text)), seconds(now), now === undefined ? badge("not measured") : now <= duration(text) ? badge("kept", "good") : badge("missed", "bad")];
    });
  return [rows.length ? table(null, [["Objective"], ["Promised", "number"], ["Now", "number"], [""]], rows) : null,
          facts([["Of Sla", typeof item.spec.sla === "string" ? item.spec.sla : "written in place"], ["Availability", objectives.availability], ["Loss", objectives.loss],
                 ["Freshness", objectives.freshness], ["Rate", objectives.rate && `${objectives.rate}/s`], ["Window", objectives.window]])];
}

// How it was kept, by vsmgrd's count: parts of what was judged in each window, and what is left of what may miss.
function kept(promises) {
  if (!promises) return null;
  const windows = [...new Set([...promises.values()].flatMap((one) => Object.keys(one.kept)))].sort((a, b) => duration(a) - duration(b));
  return table("Kept so far", [["Objective"], ["Promised", "number"], ...windows.map((one) => [`Last ${one}`, "number"]), ["Budget left", "number"]],
    [...promises].map(([name, one]) => [name, share(one.target), ...windows.map((window) => share(one.kept[window])),
      badge(share(one.budget), one.budget < 0 ? "bad" : one.budget < 0.25 ? "odd" : "good")]));
}

// `parts(item)` are the pieces below the heading; `live(item)` those that are drawn again with each look.
function detail(app, plural, name, {kind, query, facts_of, parts, live}) {
  const so = h("p", {role: "status"});
  const body = h("div", {}, h("p", {class: "empty"}, "Loading \u2026"));
  const moving = h("div");
  const log = h("div", {class: "card wide"});
  let item;
  let extra;
  async function load(all) {
    try {
      item = await object(plural, name, query);
      so.replaceChildren(state(item.status?.state), ` ${item.status?.message ?? ""}`);
      if (all) extra = await parts.load?.(item);
      if (all) {
        const opened = body.querySelector("details")?.open;
        body.replaceChildren(h("div", {class: "grid"}, card(kind, facts([...facts_of(item), ["Labels", labels(item)],
          ["Declared", time(item.metadata.createdAt)], ["In this state since", item.status?.since && time(item.status.since)], ["Generation", `${item.metadata.generation}, observed ${item.status?.observedGeneration ?? "\u2013"}`]])),
          parts.cards(item, extra)), item.status?.conditions ? h("section", {class: "card wide"}, h("h2", {}, "Conditions"), conditions(item)) : "", documented(item));
        if (opened) body.querySelector("details").open = true;
        const happened = await get("events", {kind, name, limit: 200});
        log.replaceChildren(h("h2", {}, "What happened"), recent(happened.items.reverse().slice(0, 20)));
      }
      moving.replaceChildren(...[live?.(item, extra)].flat(Infinity).filter(Boolean));
    } catch (error) {
      body.replaceChildren(trouble(error));
    }
  }
  load(true);
  return {title: name, element: h("div", {}, h("h1", {}, name), so, moving, body, log),
          tick: () => item && load(false), event: (event) => event.kind === kind && event.name === name && load(true)};
}

export const binding = (app, name) => detail(app, "bindings", name, {
  kind: "Binding", query: {live: true},
  facts_of: (item) => [["Domain", link("domains", item.spec.domain)], ["Service", link("services", item.spec.service)], ["Device", item.spec.device]],
  parts: {load: objectives_of, cards: (item) => [card("Decision", decision(item.status ?? {}))]},
  live: (item, objectives) => {
    const series = app.history.binding(name);
    const {live} = item.status ?? {};
    const promised = h("section", {class: "card"}, h("h2", {}, "What was promised ", promise(objectives, series)), sla(objectives, series, item),
                        kept(app.history.now?.promises.get(name)));
    return [pictures(app, series, duration(objectives?.latencyP99), promised),
            live ? lively(live) : null, live?.channels ? h("section", {class: "card wide"}, h("h2", {}, "Channels"), channel_table(live)) : null];
  },
});

const bindings_of = async (member, name) => (await get("bindings", {filter: `spec.${member} eq ${quoted(name)}`, limit: 100})).items;
const binding_table = (items, other) => card("Bindings", table(null, [["Binding"], [other[0]], ["State"], ["Why", "text"]], items.map((item) =>
  [link("bindings", item.metadata.name), link(other[1], item.spec[other[2]]), state(item.status?.state), item.status?.decision?.message ?? ""]), "None."),
  items.length === 100 && h("p", {class: "hint"}, "The first 100; search the list of bindings for the rest."));

export const domain = (app, name) => detail(app, "domains", name, {
  kind: "Domain", query: {live: true},
  facts_of: (item) => [["Type", item.spec.type], ["Description", item.spec.description], ["Sockets", item.status?.socketDirectory]],
  parts: {load: () => bindings_of("domain", name), cards: (item, items) => [binding_table(items, ["Service", "services", "service"]), item.status?.live && card("Hypervisor", h("pre", {tabindex: "0"}, JSON.stringify(item.status.live, null, 2)))]},
});

export const service = (app, name) => detail(app, "services", name, {
  kind: "Service",
  facts_of: (item) => [["Kind", item.spec.kind], ["Parameters", item.spec.parameters && JSON.stringify(item.spec.parameters)]],
  parts: {load: () => bindings_of("service", name), cards: () => []},
  live: (item, items) => pictures(app, app.history.services.get(name), undefined, items ? binding_table(items, ["Domain", "domains", "domain"]) : null),
});

// Group communication: every service of kind pubsub, as one of its bindings sees it.
export function channels(app) {
  const body = h("div", {}, h("p", {class: "empty"}, "Loading \u2026"));
  async function load() {
    try {
      const {items} = await get("services", {filter: "spec.kind eq 'pubsub'", limit: 100});
      body.replaceChildren(...(items.length ? await Promise.all(items.map(of_service)) : [h("p", {class: "empty"}, "No service of kind pubsub is declared.")]));
    } catch (error) {
      body.replaceChildren(trouble(error));
    }
  }
  async function of_service({metadata: {name}}) {
    const {items} = await get("bindings", {filter: `spec.service eq ${quoted(name)} and status.state eq 'Bound'`, limit: 1});
    const live = items.length ? (await object("bindings", items[0].metadata.name, {live: true})).status.live : undefined;
    const flow = app.history.channels.get(name);
    return h("section", {class: "card wide"}, h("h2", {}, link("services", name)),
      flow && h("dl", {class: "tiles"}, [["Published", rate(flow.publishing)], ["Delivered", rate(flow.delivering)], ["Lost", rate(flow.losing)], ["Subscriptions", count(flow.subscriptions)], ["Channels", count(flow.channels)]]
        .map(([title, value]) => h("div", {class: "tile"}, h("dt", {}, title), h("dd", {}, value)))),
      live?.channels ? channel_table(live) : h("p", {class: "empty"}, "No bound guest through which its channels could be seen."));
  }
  load();
  return {title: "Channels", element: h("div", {}, h("h1", {}, "Channels"), body), tick: load};
}
