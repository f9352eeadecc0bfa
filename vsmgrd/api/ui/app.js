// The page: which view is shown, and what all of them look at.
import {get, metrics, watch} from "./api.js";
import {h, trouble} from "./dom.js";
import {History} from "./metrics.js";
import {overview, warnings} from "./overview.js";
import {objects} from "./objects.js";
import {binding, channels, domain, service} from "./details.js";
import {events} from "./events.js";

const LOOK_MS = 2000;       // between two looks at the metrics
const LOOK_PART = 10;       // or this many times what one takes, so that a large node is not kept busy by being looked at
const EVENTS_MAX = 200;     // that are kept
const EVENTS_BEFORE = 50;   // from before the page was opened

const app = {history: new History(), node: undefined, warnings: [], events: []};
const main = document.getElementById("main");
const status = document.getElementById("state");
let view;
let answering;

const ROUTES = [[/^$/, overview], [/^(domains|bindings|services)$/, objects], [/^domains\/(.+)$/, domain], [/^bindings\/(.+)$/, binding],
                [/^services\/(.+)$/, service], [/^channels$/, channels], [/^warnings$/, warnings], [/^events$/, events]];

function route(moved) {
  const path = location.hash.replace(/^#\/?/, "");
  const [pattern, make] = ROUTES.find(([one]) => one.test(path)) ?? [/^/, () => ({title: "Not here", element: h("p", {class: "empty"}, "There is no such view.")})];
  view = make(app, ...pattern.exec(path).slice(1).map(decodeURIComponent));
  main.replaceChildren(view.element);
  document.title = `${view.title} \u2013 ${app.node?.metadata.name ?? "VServices"}`;
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href").slice(2);
    if (path.split("/")[0] === here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (moved) {
    main.focus({preventScroll: true});
    scrollTo(0, 0);
  }
  view.tick?.();
}

function tell(word, text) {
  if (answering === word) return;
  answering = word;
  status.className = `live ${word}`;
  status.textContent = text;
}

async function look() {
  const began = performance.now();
  try {
    const [text, nodes, found] = await Promise.all([metrics(), get("nodes"), get("warnings")]);
    app.history.add(text, Date.now());
    app.node = nodes.items[0];
    app.warnings = found.items.filter((one) => one.status !== "resolved");
    tell("on", "live");
  } catch (error) {
    tell("off", error.message);
    return LOOK_MS;
  }
  document.getElementById("node").textContent = app.node.metadata.name;
  document.title = `${view.title} \u2013 ${app.node.metadata.name}`;
  const badge = document.getElementById("warnings");
  badge.hidden = app.warnings.length === 0;
  badge.textContent = String(app.warnings.length);
  view.tick?.();
  return Math.max(LOOK_MS, LOOK_PART * (performance.now() - began));
}

// Hidden pages look at nothing.
async function look_for_ever() {
  for (;;) {
    const pause = document.hidden ? LOOK_MS : await look();
    await new Promise((done) => setTimeout(done, pause));
  }
}

async function start() {
  route(false);
  addEventListener("hashchange", () => route(true));
  try {
    const {metadata} = await get("events", {limit: 1});
    const past = metadata.newest > 0 ? await get("events", {since: Math.max(metadata.newest - EVENTS_BEFORE, metadata.oldest - 1, 0), limit: EVENTS_BEFORE}) : {items: []};
    app.events = past.items.reverse();
    view.event?.({});
    watch(app.events[0]?.id ?? metadata.newest, (event) => {
      app.events.unshift(event);
      app.events.length = Math.min(app.events.length, EVENTS_MAX);
      view.event?.(event);
    }, () => {});
  } catch (error) {
    main.prepend(trouble(error));
  }
  look_for_ever();
}

start();
