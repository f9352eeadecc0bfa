// What happens on the node, as it happens.
import {badge, h, link, table, time} from "./dom.js";

const PLURALS = {Domain: "domains", Service: "services", Binding: "bindings"};
const MOODS = [[/failed|refused|raised/, "bad"], [/denied|deleted|cancelled/, "odd"], [/bound|ready|created|resolved|succeeded/, "good"]];
const COLUMNS = [["Time", "time"], ["Event"], ["Object"], ["Why", "text"], ["Who"]];

const mood = (type) => MOODS.find(([pattern]) => pattern.test(type))?.[1];
const about = ({kind, name}) => PLURALS[kind] ? [`${kind} `, link(PLURALS[kind], name)] : `${kind} ${name}`;

export const recent = (events, empty = "Nothing happened yet.") => table(null, COLUMNS, events.map((event) => [time(event.at), badge(event.type, mood(event.type)), about(event),
  [event.reason, event.message].filter(Boolean).join(": "), event.actor?.principal ?? ""]), empty);

export function events(app) {
  const list = h("div", {class: "card"});
  let paused = false;
  const type = h("input", {type: "search", id: "type", placeholder: "binding, warning.raised, \u2026", input: () => draw()});
  const pause = h("button", {type: "button", "aria-pressed": "false", click: () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Hold still";
    draw();
  }}, "Hold still");
  let held = app.events;
  const draw = () => {
    if (!paused) held = app.events.slice();
    const wanted = type.value.trim();
    list.replaceChildren(recent(held.filter((event) => event.type.startsWith(wanted)), wanted ? "None of this type among the last." : undefined));
  };
  draw();
  return {title: "Events", event: draw, element: h("div", {}, h("h1", {}, "Events"),
    h("div", {class: "tools"}, h("label", {for: "type"}, "Type begins with", type), pause),
    h("p", {class: "hint"}, "The newest first; the last 200 since this page was opened and shortly before. vsctl events has more."), list)};
}
