// Talking to the server that this page came from.

const MOST_TRIES = 6;

// A request that the server refused, with its one sentence.
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// Send a photo, and what belongs to it; a full queue is waited for.
//
// path: "unmask", "detect" or "complete". photo: a Blob. masks, references: arrays of Blobs.
// query: names and values; empty ones are left out. signal: an AbortSignal. onWait: called with the
// seconds until the next try.
// Gives the Response, whose status is 200; throws Refusal, or a TypeError where nobody answers.
export async function ask(
  path, { photo, masks = [], references = [], query = {}, signal, onWait = () => {} },
) {
  const said = Object.entries(query).filter(([, value]) => value !== "");
  const address = said.length ? `${path}?${new URLSearchParams(said)}` : path;
  for (let tries = 1; ; tries += 1) {
    const request = { method: "POST", signal };
    if (masks.length || references.length) {
      request.body = new FormData();
      request.body.append("picture", photo, "picture");
      for (const mask of masks) request.body.append("mask", mask, "mask.png");
      for (const one of references) request.body.append("reference", one, "reference");
    } else {
      request.body = photo;
      request.headers = { "content-type": "application/octet-stream" };
    }
    const response = await fetch(address, request);
    if (response.ok) return response;
    const refusal = await readRefusal(response);
    if (response.status !== 429 || tries === MOST_TRIES) throw refusal;
    const seconds = Math.min(30, Number(response.headers.get("retry-after")) || 1);
    onWait(seconds);
    await sleep(1000 * seconds, signal);
  }
}

async function readRefusal(response) {
  try {
    const { error } = await response.json();
    return new Refusal(response.status, error.code, error.message);
  } catch {
    return new Refusal(response.status, "unknown", `The server answered ${response.status}.`);
  }
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
