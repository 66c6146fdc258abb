// @ts-check
/** Questions over sockets that come and go; what needs a real window is in tests/browser. */
import assert from "node:assert/strict";
import test from "node:test";
import { settled, WHOLE, World } from "./world.js";

/** A live page whose window notes what is done to it. */
async function asked() {
  const world = new World();
  /** @type {any[]} */
  const done = [];
  /** @type {(() => void)[]} */
  const observers = [];
  let finish = () => {};
  const slow = new Promise((done) => (finish = () => done("at last")));
  class Storage {
    /** @param {string} key */
    getItem(key) {
      if (key === "slow") return done.push(["slow"]), slow;
      return key === "long" ? "x".repeat(70_000) : (done.push(["get", key]), null);
    }
    /** @param {string} key @param {string} value */
    setItem(key, value) {
      if (value === "much") throw new Error("QuotaExceededError");
      done.push(["set", key, value]);
    }
  }
  const { environment } = /** @type {any} */ (world.connection);
  Object.assign(environment, {
    location: { assign: (/** @type {string} */ url) => done.push(["assign", url]) },
    localStorage: new Storage(),
    scrollTo: (/** @type {number[]} */ ...to) => done.push(["scroll", ...to]),
    open: (/** @type {string} */ url) => (done.push(["open", url]), url.endsWith("blocked") ? null : {}),
    MutationObserver: class {
      /** @param {() => void} run */
      constructor(run) {
        observers.push(run);
      }
      observe() {}
    },
  });
  Object.assign(world.work.page.document, { documentElement: {}, baseURI: "https://host/a/b" });
  const show = world.work.status.show;
  world.work.status.show = (/** @type {any[]} */ ...state) => {
    show(...state);
    // As the browser does: when the script that changed it has ended.
    queueMicrotask(() => observers.forEach((run) => run()));
  };
  world.open();
  /** Ask, and return what is said. @param {any[]} frames */
  const ask = async (...frames) => {
    for (const frame of frames) world.say(-5, ...frame);
    await settled();
    return world.sent;
  };
  /** Lose the socket, and come back to the same session. */
  const back = () => {
    world.lose();
    world.connection.wake();
    world.open({ mode: "resume" });
  };
  return { world, done, ask, back, finish: () => finish() };
}

test("a question is done and answered, in its turn", async () => {
  const { done, ask } = await asked();
  const said = await ask([1, "scroll_to", [0, 5]], [2, "get", ["localStorage", "k"]]);
  assert.deepEqual(said, [[-5, 1, null], [-5, 2, null]]);
  assert.deepEqual(done, [["scroll", 0, 5], ["get", "k"]]);
});

test("frames behind a question that had to wait for the second bundle keep their order", async () => {
  const { world, done } = await asked();
  world.say(-5, 1, "scroll_to", [0, 5]);
  world.say(1, 0, 0, 5, "a");
  assert.deepEqual([done, world.applied], [[], []]);
  await settled();
  assert.deepEqual([done.length, world.applied.length], [1, 1]);
});

test("a question that comes again is not done again, and its answer is given again", async () => {
  const { done, ask, back } = await asked();
  await ask([1, "scroll_to", [0, 5]]);
  back();
  assert.deepEqual(await ask([1, "scroll_to", [0, 5]]), [[-5, 1, null]]);
  assert.deepEqual(done.length, 1);
});

test("a question that comes again while it is done is done once and answered once", async () => {
  const { done, ask, back, finish } = await asked();
  await ask([1, "get", ["localStorage", "slow"]]);
  back();
  assert.deepEqual(await ask([1, "get", ["localStorage", "slow"]]), []);
  finish();
  assert.deepEqual(await ask(), [[-5, 1, "at last"]]);
  assert.deepEqual(done, [["slow"]]);
});

test("an answer that is there before the session is waits until it is asked for again", async () => {
  const { world, ask, back, finish } = await asked();
  await ask([1, "get", ["localStorage", "slow"]]);
  world.lose();
  world.connection.wake();
  // The socket is open, and nobody has joined yet.
  world.socket.readyState = 1;
  finish();
  await settled();
  assert.deepEqual(world.sent, []);
  back();
  assert.deepEqual(await ask([1, "get", ["localStorage", "slow"]]), [[-5, 1, "at last"]]);
});

test("of as many answers as there can be questions each is known again", async () => {
  const { done, ask, back } = await asked();
  const questions = Array.from({ length: 40 }, (_, i) => [i + 1, "scroll_to", [0, i]]);
  await ask(...questions);
  back();
  const again = await ask(...questions.slice(-16));
  assert.deepEqual(again.map(([, n]) => n), questions.slice(-16).map(([n]) => n));
  // What was said again is the newest: its answer may be lost again, with all that follow.
  back();
  await ask(questions[24]);
  await ask(...Array.from({ length: 15 }, (_, i) => [i + 41, "scroll_to", [0, i]]));
  back();
  await ask(questions[24]);
  assert.deepEqual(done.length, 40 + 15);
});

test("a question that was withdrawn before it came is only answered", async () => {
  const { done, ask } = await asked();
  assert.deepEqual(await ask([1]), [[-5, 1, null]]);
  assert.deepEqual(await ask([1, "scroll_to", [0, 5]]), [[-5, 1, null]]);
  assert.deepEqual(done, []);
});

test("what goes wrong is said", async () => {
  const { ask } = await asked();
  const said = await ask(
    [1, "set", ["localStorage", "k", "much"]],
    [2, "get", ["localStorage", "long"]],
    [3, "open", ["/blocked", "_blank"]],
  );
  assert.deepEqual(said.sort(([, a], [, b]) => a - b), [
    [-5, 1, null, "Error: QuotaExceededError"],
    [-5, 2, null, "this is too much to send"],
    [-5, 3, null, "Error: the browser opens no window now"],
  ]);
});

for (const name of ["eval", "constructor", "toString", "__proto__", "hasOwnProperty", "fetch"])
  test(`a window cannot be asked for ${name}`, async () => {
    const { ask } = await asked();
    const [[, , value, error]] = await ask([1, name, ["alert(1)"]]);
    assert.deepEqual([value, /TypeError/.test(error)], [null, true]);
  });

for (const area of ["caches", "document", "__proto__"])
  test(`${area} is no storage`, async () => {
    const { ask } = await asked();
    const [[, , , error]] = await ask([1, "get", [area, "k"]]);
    assert.equal(error, "Error: there is no such storage");
  });

for (const url of ["javascript:alert(1)", " java\nscript:alert(1)", "data:text/html,x", "blob:https://host/x", "file:///x", "about:blank", "http://["])
  test(`a window does not go to ${JSON.stringify(url)}`, async () => {
    const { world, done, ask } = await asked();
    const said = await ask([1, "assign", [url]], [2, "open", [url, "_blank"]], [3, "replace", [url]]);
    world.pass(10);
    assert.deepEqual([said.every(([, , , error]) => error), done], [true, []]);
  });

test("a window says that it goes elsewhere, and then goes", async () => {
  const { world, done, ask } = await asked();
  assert.deepEqual(await ask([1, "assign", ["../c?d"]]), [[-5, 1, null]]);
  assert.deepEqual(done, []);
  world.pass(1);
  assert.deepEqual(done, [["assign", "https://host/c?d"]]);
});

test("what is opened cannot reach back", async () => {
  const { world, ask } = await asked();
  const opened = { opener: "us" };
  /** @type {any} */ (world.connection.environment).open = () => opened;
  await ask([1, "open", ["/a", "_blank"]]);
  assert.equal(opened.opener, null);
});

test("another session counts from 1 again, and is not answered for the one before", async () => {
  const { world, done, ask } = await asked();
  await ask([1, "scroll_to", [0, 1]]);
  world.html = '<meta name="sapwood" content="T2" data-prefix="new"';
  world.lose(4410);
  await settled();
  world.pass(1000);
  await world.openAnew({ mode: "restored" });
  world.say(1, 0, ...WHOLE);
  await settled();
  world.sent;
  assert.deepEqual(await ask([1, "scroll_to", [0, 2]]), [[-5, 1, null]]);
  assert.deepEqual(done, [["scroll", 0, 1], ["scroll", 0, 2]]);
});
