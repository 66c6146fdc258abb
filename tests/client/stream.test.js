// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { Stream } from "../../python/sapwood/client/stream.js";
import { settled } from "./world.js";

/** A server that speaks by answers to posts. */
class Server {
  /** @type {{ path: string, request: any, answer: (answer: any) => void }[]} */ requests = [];
  /** @type {any[]} */ heard = [];
  /** @type {any} */ line;
  browser = new EventTarget();
  stream = new Stream("/_sapwood/", {
    addEventListener: /** @type {any} */ (this.browser.addEventListener.bind(this.browser)),
    fetch: /** @type {any} */ (
      (/** @type {string} */ path, /** @type {any} */ request) =>
        new Promise((resolve, reject) => {
          request.signal.addEventListener("abort", () => reject(new Error("aborted")));
          this.requests.push({ path, request, answer: resolve });
        })
    ),
  });

  constructor() {
    this.stream.onopen = () => this.heard.push("open");
    this.stream.onmessage = ({ data }) => this.heard.push(data);
    this.stream.onclose = ({ code }) => this.heard.push(code);
  }

  /** Open the stream with a join. */
  async open() {
    await settled();
    this.stream.send("join");
    const body = new ReadableStream({ start: (controller) => (this.line = controller) });
    this.requests[0].answer({ ok: true, body, headers: new Headers({ "sapwood-channel": "C" }) });
    await settled();
    return this;
  }

  /** @param {string | Uint8Array} text */
  async say(text) {
    this.line.enqueue(typeof text === "string" ? new TextEncoder().encode(text) : text);
    await settled();
  }

  get posts() {
    return this.requests.slice(1).map(({ request }) => request.body);
  }
}

test("the first frame opens the stream, and the others are posted to its channel", async () => {
  const server = await new Server().open();
  server.stream.send("[1,0,5]");
  assert.deepEqual(server.requests.map(({ path, request }) => [path, request.method, request.body]), [
    ["/_sapwood/stream", "POST", "join"],
    ["/_sapwood/send", "POST", "[1,0,5]"],
  ]);
  assert.equal(server.requests[1].request.headers["sapwood-channel"], "C");
});

test("a stream ends when the browser is offline, once", async () => {
  const server = await new Server().open();
  server.browser.dispatchEvent(new Event("offline"));
  server.browser.dispatchEvent(new Event("offline"));
  assert.deepEqual(server.heard, ["open", 1006]);
});

test("frames are heard one by one, however the bytes are cut", async () => {
  const server = await new Server().open();
  const bytes = new TextEncoder().encode('data: [0,"é"]\n\n:\n\ndata: [1]\n\n');
  for (const byte of bytes) await server.say(Uint8Array.of(byte));
  assert.deepEqual(server.heard, ["open", '[0,"é"]', "[1]"]);
});

test("one post at a time takes all that gathered meanwhile, in its order", async () => {
  const server = await new Server().open();
  for (const frame of ["a", "b", "c"]) server.stream.send(frame);
  assert.deepEqual(server.posts, ["a"]);
  server.requests[1].answer({ ok: true });
  await settled();
  assert.deepEqual(server.posts, ["a", "b\nc"]);
});

test("a post has at most a megabyte", async () => {
  const server = await new Server().open();
  const large = "x".repeat(600_000);
  for (const frame of ["a", large, large]) server.stream.send(frame);
  server.requests[1].answer({ ok: true });
  await settled();
  assert.deepEqual(server.posts, ["a", large]);
});

test("the server's close code is the stream's", async () => {
  const server = await new Server().open();
  await server.say("event: close\ndata: 4410\n\n");
  assert.deepEqual([server.heard, server.stream.readyState], [["open", 4410], 3]);
});

test("a stream that ends, a channel that is gone and a refused join are a lost connection, once", async () => {
  const ended = await new Server().open();
  ended.line.close();
  const gone = await new Server().open();
  gone.stream.send("a");
  gone.requests[1].answer({ ok: false, status: 410 });
  const refused = new Server();
  await settled();
  refused.stream.send("join");
  refused.requests[0].answer({ ok: false, headers: new Headers() });
  await settled();
  assert.deepEqual([ended.heard, gone.heard, refused.heard], [["open", 1006], ["open", 1006], ["open", 1006]]);
});

test("a stream that was closed says nothing more", async () => {
  const server = await new Server().open();
  server.stream.close();
  await settled();
  assert.deepEqual([server.heard, server.requests[0].request.signal.aborted], [["open"], true]);
});
