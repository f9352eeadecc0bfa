// The node at a glance.
import {badge, bytes, card, count, facts, h, link, percent, rate, seconds, table, tile, time} from "./dom.js";
import {histogram, lines, sparkline} from "./charts.js";
import {quantile} from "./metrics.js";
import {recent} from "./events.js";

const SERVICES_DRAWN = 5;

function tiles({history, node, warnings}) {
  const states = history.now?.states ?? {};
  const last = history.all.last;
  const objects = node.status.objects;
  const backends = Object.values(history.now?.backends ?? {});
  const up = backends.filter(Boolean).length;
  return h("dl", {class: "tiles"},
    tile("Requests", rate(last?.rate)),
    tile("p99", seconds(last && quantile(0.99, last.bounds, last.counts))),
    tile("Errors", rate(last?.failed), last?.failed > 0 ? "bad" : ""),
    tile("Domains", count(objects.domains)),
    tile("Bound", `${count(states.Bound ?? 0)} of ${count(objects.bindings)}`),
    tile("Denied", count(states.Denied ?? 0)),
    tile("Failed", count(states.Failed ?? 0), states.Failed > 0 ? "bad" : ""),
    tile("Backends up", `${up} of ${backends.length}`, up < backends.length ? "bad" : ""),
    tile("Warnings", count(warnings.length), warnings.length > 0 ? "odd" : ""));
}

function services({history}) {
  const rows = [...history.services].map(([name, series]) => {
    const {bounds, counts} = series.window();
    return [link("services", name), rate(series.last.rate), seconds(quantile(0.5, bounds, counts)), seconds(quantile(0.99, bounds, counts)),
            rate(series.last.failed), sparkline(series.rates, `requests of ${name}`, rate)];
  });
  return table(null, [["Service"], ["Requests", "number"], ["p50", "number"], ["p99", "number"], ["Failed", "number"], ["Lately"]], rows,
               "No service was used since its backend started.");
}

function loops({history}) {
  const rows = [...history.loops.values()].map(({kind, number, busy, on}) => [`${kind}, loop ${number}`, `CPU ${on}`,
    busy === undefined ? "\u2013" : h("meter", {min: 0, max: 1, high: 0.9, value: Math.min(busy, 1).toFixed(3), "aria-label": `busy ${percent(busy)}`}),
    percent(busy)]);
  return table(null, [["Loop"], ["On", "number"], ["Busy"], ["", "number"]], rows, "No backend runs.");
}

export function overview(app) {
  const live = h("div");
  const log = h("div");
  const element = h("div", {}, h("h1", {}, "Overview"), live, card("Latest events", log, h("p", {}, h("a", {href: "#/events"}, "All events"))));
  const draw_log = () => log.replaceChildren(recent(app.events.slice(0, 8)));
  draw_log();
  return {
    title: "Overview", element,
    event: draw_log,
    tick() {
      const {history, node} = app;
      if (!node) return;
      const span = (Date.now() - history.times[0]) / 1000;
      const busiest = [...history.services].sort(([, a], [, b]) => (b.last.rate ?? 0) - (a.last.rate ?? 0)).slice(0, SERVICES_DRAWN);
      const {bounds, counts} = history.all.window();
      const {status} = node;
      live.replaceChildren(tiles(app), h("div", {class: "grid"},
        card("Requests", busiest.length ? lines("Requests by service", busiest.map(([name, series]) => ({name, values: series.rates})), rate, span)
                                        : h("p", {class: "empty"}, "No requests yet.")),
        card("Latency", lines("Latency of all services", [["p50", 0.5], ["p99", 0.99]].map(([name, part]) => ({name, values: history.all.quantiles(part)})), seconds, span)),
        card("How long requests took", h("p", {class: "hint"}, "From seeing one in the ring to its answer, since this page was opened, or 4 minutes."),
             histogram("How long requests took", bounds, counts, seconds)),
        card("Services", services(app)),
        card("Loops of the backends", loops(app)),
        card("Node", facts([["Name", node.metadata.name], ["vsmgrd", status.version], ["Kernel", status.kernel], ["CPUs", `${status.cpus} (online ${status.topology.online})`],
          ["Memory", bytes(status.memoryBytes)], ["Hypervisor", status.hypervisor.type], ["Policy generation", String(status.policyGeneration)],
          ["Backends", Object.entries(history.now?.backends ?? {}).map(([kind, up]) => [badge(`${kind} ${up ? "up" : "down"}`, up ? "good" : "bad"), " "])]]))));
    },
  };
}

export function warnings(app) {
  const list = h("div");
  const draw = () => list.replaceChildren(table(null, [["Severity"], ["What"], ["Message", "text"], ["Times", "number"], ["Last seen", "time"], ["State"]],
    app.warnings.map((one) => [badge(one.severity, {high: "bad", moderate: "odd"}[one.severity]), `${one.type}: ${one.kind} ${one.name}`, one.message, count(one.count),
                               time(one.lastSeen), one.status]), "Nothing needs a person."));
  draw();
  return {title: "Warnings", tick: draw, event: draw, element: h("div", {}, h("h1", {}, "Warnings"),
    h("p", {class: "hint"}, "What is wrong on the node and needs a person. vsctl ack ID says that one knows; those resolved are not shown."), h("div", {class: "card"}, list))};
}
