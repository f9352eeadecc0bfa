// Prometheus' text form, and what it means over time: requests a second and latencies since the look before.
export const HISTORY = 120;  // looks that are kept

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;
const unescaped = (text) => text.includes("\\") ? text.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c) : text;

// Calls `take` with the name, labels and value of each sample.
export function parse(text, take) {
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const parts = LINE.exec(line);
    if (!parts) continue;
    const labels = {};
    if (parts[2]) for (const [, name, value] of parts[2].matchAll(LABEL)) labels[name] = unescaped(value);
    take(parts[1], labels, Number(parts[3]));
  }
}

const BUCKET = "vservices_request_duration_seconds_bucket";
const FAILED = new Set(["unavailable", "internal", "exhausted"]);
const OF_BINDINGS = {
  vservices_requests_total: "requests", vservices_sessions: "sessions", vservices_opens_refused_total: "refused",
  vservices_ring_waiting_bytes: "waiting", vservices_requests_throttled_total: "throttled",
};
const OF_PROMISES = {
  vservices_sla_objective_ratio: "target", vservices_sla_budget_remaining_ratio: "budget", vservices_sla_compliance_ratio: "kept",
};
const OF_CHANNELS = /^vservices_pubsub_(\w+?)(?:_total)?$/;

const nothing = () => ({requests: 0, failed: 0, sessions: 0, refused: 0, waiting: 0, throttled: 0, bounds: [], counts: []});

// What one look says: by binding, by service, of all, of the loops and of the node.
export function look(text, at) {
  const seen = {at, bindings: new Map(), services: new Map(), all: nothing(), loops: new Map(), states: {}, backends: {}, channels: new Map(), promises: new Map()};
  const into = (map, key) => map.get(key) ?? map.set(key, nothing()).get(key);
  parse(text, (name, labels, value) => {
    if (OF_PROMISES[name]) return of_promise(OF_PROMISES[name], labels, value);
    if (labels.binding !== undefined) return of_binding(name, labels, value);
    if (name === "vservices_bindings") seen.states[labels.state] = value;
    else if (name === "vservices_backend_up") seen.backends[labels.kind] = value === 1;
    else if (name === "vservices_loop_cpu_seconds_total") loop(labels).cpu = value;
    else if (name === "vservices_loop_last_cpu") loop(labels).on = value;
    else if (OF_CHANNELS.test(name) && labels.service) {
      const of = seen.channels.get(labels.service) ?? seen.channels.set(labels.service, {}).get(labels.service);
      const word = OF_CHANNELS.exec(name)[1];
      of[word] = (of[word] ?? 0) + value;
    }
  });
  function loop({kind, loop: number}) {
    const key = `${kind} ${number}`;
    return seen.loops.get(key) ?? seen.loops.set(key, {kind, number}).get(key);
  }
  // What was promised to a binding, for each content class and objective: target and budget are parts, `kept` one for each window.
  function of_promise(what, labels, value) {
    const all = seen.promises.get(labels.binding) ?? seen.promises.set(labels.binding, new Map()).get(labels.binding);
    const key = `${labels.objective} (${labels.class})`;
    const one = all.get(key) ?? all.set(key, {kept: {}}).get(key);
    if (what === "kept") one.kept[labels.window] = value;
    else one[what] = value;
  }
  function of_binding(name, labels, value) {
    const whom = [into(seen.bindings, labels.binding), into(seen.services, labels.service), seen.all];
    whom[0].domain = labels.domain;
    whom[0].service = labels.service;
    if (name === BUCKET) {
      const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
      for (const one of whom) {
        let at = one.bounds.indexOf(bound);
        if (at < 0) {
          at = one.bounds.push(bound) - 1;
          one.counts.push(0);
        }
        one.counts[at] += value;
      }
    } else if (name === "vservices_answers_total") {
      if (FAILED.has(labels.status)) for (const one of whom) one.failed += value;
    } else if (OF_BINDINGS[name]) {
      for (const one of whom) one[OF_BINDINGS[name]] += value;
    }
  }
  return seen;
}

// The value below which `part` of a histogram's samples are, in seconds: as Prometheus reckons, linear inside of a bucket.
export function quantile(part, bounds, counts) {
  const total = counts.at(-1);
  if (!(total > 0)) return undefined;
  const rank = part * total;
  const at = counts.findIndex((count) => count >= rank);
  const below = at > 0 ? counts[at - 1] : 0;
  const from = at > 0 ? bounds[at - 1] : 0;
  if (bounds[at] === Infinity) return from;
  return from + (bounds[at] - from) * (rank - below) / Math.max(counts[at] - below, 1e-9);
}

const grown = (before, now) => now >= before ? now - before : now;  // a backend that was started again counts from 0

function between(before, now, elapsed) {
  const since = before && before.bounds.length === now.bounds.length ? before : nothing();
  const counts = now.counts.map((count, i) => grown(since.counts[i] ?? 0, count));
  const requests = grown(since.requests, now.requests);
  return {rate: before ? requests / elapsed : undefined, failed: before ? grown(since.failed, now.failed) / elapsed : undefined,
          bounds: now.bounds, counts: before ? counts : now.counts.map(() => 0)};
}

class Series {
  past = [];

  add(one) {
    this.past.push(one);
    if (this.past.length > HISTORY) this.past.shift();
  }
  get rates() { return this.past.map((one) => one.rate); }
  quantiles(part) { return this.past.map((one) => quantile(part, one.bounds, one.counts)); }
  get last() { return this.past.at(-1); }
  // Of the last `looks`, together.
  window(looks = HISTORY) {
    const last = this.past.slice(-looks);
    const bounds = this.past.at(-1)?.bounds ?? [];
    const counts = bounds.map((_, i) => last.reduce((sum, one) => sum + (one.counts[i] ?? 0), 0));
    return {bounds, counts};
  }
}

export class History {
  now = undefined;
  all = new Series();
  services = new Map();
  bindings = new Map();
  loops = new Map();
  channels = new Map();
  times = [];

  add(text, at) {
    const before = this.now;
    const now = look(text, at);
    const elapsed = before ? Math.max((at - before.at) / 1000, 1e-3) : 1;
    const follow = (series, was, is) => {
      for (const key of series.keys()) if (!is.has(key)) series.delete(key);
      for (const [key, one] of is) {
        if (!series.has(key)) series.set(key, new Series());
        series.get(key).add(between(was?.get(key), one, elapsed));
      }
    };
    follow(this.services, before?.services, now.services);
    follow(this.bindings, before?.bindings, now.bindings);
    this.all.add(between(before?.all, now.all, elapsed));
    for (const [key, one] of now.loops) {
      const was = before?.loops.get(key);
      this.loops.set(key, {...one, busy: was ? grown(was.cpu, one.cpu) / elapsed : undefined});
    }
    for (const [service, one] of now.channels) {
      const was = before?.channels.get(service) ?? {};
      const speed = (word) => before ? grown(was[word] ?? 0, one[word] ?? 0) / elapsed : undefined;
      this.channels.set(service, {...one, publishing: speed("published"), delivering: speed("delivered"), losing: speed("lost")});
    }
    this.times.push(at);
    if (this.times.length > HISTORY) this.times.shift();
    this.now = now;
  }
  binding(name) { return this.bindings.get(name); }
}
