// Talking to the server that this page came from.

const MOST_TRIES = 6;

// A request that the server refused, with its message.
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// Send a photo with its masks and references; waits for a full queue.
//
// path: "unmask", "detect" or "complete". photo: a Blob. masks, references: arrays of Blobs.
// query: names and values; empty ones are left out. signal: an AbortSignal. onWait: called with the
// seconds until the next attempt.
// Returns the Response, whose status is 200; throws Refusal, or a TypeError if the server does not
// answer.
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

// Wait for the answer to a request with this name as its query's `progress`, and meanwhile report
// its progress: a stage's name, or "waiting", and the fraction done, 0 to 1.
export async function followed(name, answer, onStep) {
  const timer = setInterval(async () => {
    try {
      const { stage, share } = await (await fetch(`progress?name=${name}`)).json();
      if (stage) onStep(stage, share);
    } catch {
      // The request itself will report the error.
    }
  }, 400);
  try {
    return await answer;
  } finally {
    clearInterval(timer);
  }
}

// A random name, so that nobody else can follow the request.
export function secretName() {
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(numbers, (number) => number.toString(16).padStart(8, "0")).join("-");
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
