// @ts-check
/**
 * A WebSocket where there is none: one long answer brings frames, posts take them.
 *
 * The first frame sent opens it. Frames wait for each other: one post at a time,
 * with all that gathered meanwhile, so that they arrive in their order.
 */

const POST_BYTES_MAX = 1024 * 1024;
/** What the browser still sends when the page is left meanwhile. */
const KEEPALIVE_CHARACTERS_MAX = 20_000;
const LOST = 1006;

/** @typedef {{ fetch: typeof fetch, addEventListener?: typeof addEventListener }} Environment */

export class Stream {
  readyState = 0;
  /** @type {((event?: any) => void) | null} */ onopen = null;
  /** @type {((event: { data: string }) => void) | null} */ onmessage = null;
  /** @type {((event: { code: number }) => void) | null} */ onclose = null;

  #url;
  #environment;
  #abort = new AbortController();
  /** @type {string[]} */
  #waiting = [];
  #channel = "";
  #isOpening = false;
  #isPosting = false;

  /** @param {string} url the folder of the server's addresses @param {Environment} environment */
  constructor(url, environment) {
    this.#url = url;
    this.#environment = environment;
    // An answer that is read does not say so when the network goes away.
    environment.addEventListener?.("offline", () => this.#end(LOST), { signal: this.#abort.signal });
    queueMicrotask(() => {
      if (this.readyState) return;
      this.readyState = 1;
      this.onopen?.();
    });
  }

  /** @param {string} frame */
  send(frame) {
    if (this.#isOpening) {
      this.#waiting.push(frame);
      this.#post();
      return;
    }
    this.#isOpening = true;
    this.#read(frame).catch(() => this.#end(LOST));
  }

  close() {
    this.readyState = 3;
    this.#abort.abort();
  }

  /** @param {string} path @param {RequestInit} request */
  #fetch(path, request) {
    const { signal } = this.#abort;
    return this.#environment.fetch(this.#url + path, { method: "POST", signal, ...request });
  }

  /** @param {string} join */
  async #read(join) {
    const answer = await this.#fetch("stream", { body: join, headers: { "content-type": "text/plain" } });
    this.#channel = answer.headers.get("sapwood-channel") ?? "";
    if (!answer.ok || !answer.body || !this.#channel) return this.#end(LOST);
    this.#post();
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    let text = "";
    for (let part; !(part = await reader.read()).done; ) {
      const messages = (text + decoder.decode(part.value, { stream: true })).split("\n\n");
      text = messages.pop() ?? "";
      for (const message of messages) this.#hear(message);
    }
    this.#end(LOST);
  }

  /** @param {string} message of one event, or a comment that keeps the line open */
  #hear(message) {
    const [, event, data] = /^(event: close\n)?data: (.*)$/.exec(message) ?? [];
    if (event) this.#end(Number(data));
    else if (data && this.readyState === 1) this.onmessage?.({ data });
  }

  async #post() {
    if (this.#isPosting || !this.#channel || !this.#waiting.length || this.readyState > 1) return;
    this.#isPosting = true;
    const body = this.#batch();
    const headers = { "content-type": "text/plain", "sapwood-channel": this.#channel };
    const keepalive = body.length < KEEPALIVE_CHARACTERS_MAX;
    try {
      const { ok } = await this.#fetch("send", { body, headers, keepalive });
      if (!ok) return this.#end(LOST);
    } catch {
      // Whatever was on its way is sent again by the next one.
      return this.#end(LOST);
    }
    this.#isPosting = false;
    this.#post();
  }

  /** Take as many frames as one post may have. */
  #batch() {
    let bytes = 0;
    let count = 0;
    for (const frame of this.#waiting) {
      bytes += new Blob([frame]).size + 1;
      if (count && bytes > POST_BYTES_MAX) break;
      count++;
    }
    return this.#waiting.splice(0, count).join("\n");
  }

  /** @param {number} code */
  #end(code) {
    if (this.readyState > 1) return;
    this.close();
    this.onclose?.({ code });
  }
}
