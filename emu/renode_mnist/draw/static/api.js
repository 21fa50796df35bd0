// The server's requests (renode_mnist/draw/app.py has their table). A refusal is thrown as `Refused`.

/** What the server refused, in its words; status 0 where it was not reached. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const TARGET_FAILED = 503;

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused(0, "renode-mnist draw does not answer.");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Refused(response.status, said.error ?? `The server answered with status ${response.status}.`);
}

const post = (path, type, body) => ask(path, { method: "POST", headers: { "Content-Type": type }, body });
const postJson = (path, value) => post(path, "application/json", JSON.stringify(value));

export const offers = async () => (await ask("api/offers")).json();
export const preprocess = async (picture) => (await post("api/preprocess", picture.type, picture)).json();

/** The record, or null where a newer question has overtaken this one. */
export async function classify(pixels) {
  const response = await postJson("api/classify", { pixels });
  return response.status === 204 ? null : response.json();
}

/** What each layer made of it, or null where a newer drawing has overtaken this one. */
export async function look(pixels) {
  const response = await postJson("api/look", { pixels });
  return response.status === 204 ? null : response.json();
}

export const exported = async (kind, pixels) => (await postJson(`api/export/${kind}`, { pixels })).blob();
export const choose = (choice) => postJson("api/choose", choice);
export const retry = () => postJson("api/retry", {});

/** Calls `onState` with each state of the target, `onLost` when the server is gone; comes back by itself. */
export function watch(onState, onLost) {
  const events = new EventSource("api/events");
  events.addEventListener("message", (event) => onState(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    onLost();
    // A browser tries again by itself where the connection broke, but not where the server refused.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => watch(onState, onLost), 2000);
  });
}
