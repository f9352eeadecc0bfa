// The daemon's REST API, as much as the page needs: it only reads.
export const PAGE = 50;

async function ask(path, kind, signal) {
  let answer;
  try {
    answer = await fetch(path, {headers: {Accept: kind}, cache: "no-store", credentials: "same-origin", signal});
  } catch {
    throw new Error("vsmgrd does not answer, or vsctl ui has ended.");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail ?? `vsmgrd answers ${answer.status}`), {status: answer.status});
}

export const get = async (path, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = given.length ? `?${given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}` : "";  // a space is no + here
  return (await ask(`v1/${path}${text}`, "application/json")).json();
};
export const object = (plural, name, query) => get(`${plural}/${encodeURIComponent(name)}`, query);
export const metrics = async () => (await ask("metrics", "text/plain")).text();

// A text inside of a filter's quotes.
export const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
// Objects of which one of these begins with `text`; "~" comes after whatever a name may hold.
export const begins = (paths, text) => paths.map((path) => `(${path} ge ${quoted(text)} and ${path} lt ${quoted(text + "~")})`).join(" or ");

// Server-sent events out of the pieces in which they come: calls `on_message` with the type and data of each.
function reader(on_message) {
  let left = "";
  return (piece) => {
    const blocks = (left + piece).split("\n\n");
    left = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").filter((line) => !line.startsWith(":")).map((line) => line.split(/: ?(.*)/s, 2)));
      if (fields.data !== undefined) on_message(fields.event, fields.data);
    }
  };
}

const PAUSE_MS = 2000;

// Until the page is hidden, and not before it is seen: a browser has few connections to a host, and other tabs need them.
function while_seen() {
  const ended = new AbortController();
  document.addEventListener("visibilitychange", () => document.hidden && ended.abort(), {signal: ended.signal});
  return ended.signal;
}
const seen = () => new Promise((done) => {
  if (!document.hidden) return done();
  document.addEventListener("visibilitychange", () => document.hidden || done());
});

// Calls `on_event` for each event after number `since`, for ever; `on_state` with whether that works. An EventSource would have to be
// told every type there is, also those that come with a later daemon.
export async function watch(since, on_event, on_state) {
  for (let last = since; ; await new Promise((done) => setTimeout(done, PAUSE_MS))) {
    await seen();
    try {
      const answer = await ask(`v1/events?since=${last}`, "text/event-stream", while_seen());
      on_state(true);
      const feed = reader((type, data) => {
        if (type === "gone") return;  // the daemon ends it, and refuses `last` from now on
        const event = JSON.parse(data);
        last = event.id;
        on_event(event);
      });
      const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await text.read(); !piece.done; piece = await text.read()) feed(piece.value);
    } catch (error) {
      if (error.status === 410) last = await get("events", {limit: 1}).then((page) => page.metadata.newest, () => last);
    }
    on_state(false);
  }
}
