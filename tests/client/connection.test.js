// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { online, settled, WHOLE, World } from "./world.js";

test("the first frame joins with the token and what was edited", () => {
  const world = new World();
  world.fields = [[5, "typed"]];
  assert.deepEqual(world.open(), [0, { v: 1, token: "T", fields: [5, "typed"] }]);
  assert.deepEqual([world.socket.protocol, world.connection.state], ["sapwood.1", "online"]);
});

test("a plain click is three numbers", () => {
  const world = online();
  world.connection.send(46, "click", null);
  assert.deepEqual(world.sent, [[1, 0, 46]]);
});

test("trailing parts of an event are left out", () => {
  const world = online();
  world.connection.send(46, "focus", null);
  world.connection.send(46, "click", { detail: 2 });
  world.fields = [[5, ["a", "b"]], ["x", true]];
  world.connection.send("id", "input", null);
  const rest = [[2, 0, 46, "click", { detail: 2 }], [3, 0, "id", "input", null, [5, ["a", "b"], "x", true]]];
  assert.deepEqual(world.sent, [[1, 0, 46, "focus"], ...rest]);
});

test("patches are applied and acknowledged together, soon", () => {
  const world = online();
  world.say(1, 0, 0, 5, "a");
  world.say(2, 0, 0, 5, "b");
  assert.deepEqual(world.applied, [[[0, 5, "a"], 0], [[0, 5, "b"], 0]]);
  world.pass(50);
  assert.deepEqual(world.sent, [[-1, 2]]);
});

test("a fast server does not wait for a timer", () => {
  const world = online();
  for (let s = 1; s <= 4; s++) world.say(s, 0);
  assert.deepEqual(world.sent, [[-1, 4]]);
});

test("an event acknowledges too", () => {
  const world = online();
  world.say(1, 0);
  world.connection.send(46, "click", null);
  world.pass(50);
  assert.deepEqual(world.sent, [[1, 1, 46]]);
});

test("a gap asks for the whole tree, once, and no patch counts before it", async () => {
  const world = online();
  world.say(2, 0, 0, 5, "a");
  world.say(3, 0, 0, 5, "b");
  assert.deepEqual([world.sent, world.applied], [[[-3, "gap"]], []]);
  world.say(4, 0, ...WHOLE);
  world.say(5, 0, 0, 5, "c");
  await settled();
  world.pass(50);
  assert.deepEqual([world.sent, world.applied.length], [[[-1, 4], [-1, 5]], 2]);
});

test("a patch that cannot be applied is not acknowledged", () => {
  const world = online();
  world.say(1, 0, "bad");
  world.pass(50);
  assert.deepEqual(world.sent, [[-3, "Error: bad"]]);
});

test("a desync is remembered over a lost connection", () => {
  const world = online();
  world.say(1, 0, "bad");
  world.lose();
  world.connection.wake();
  assert.equal(world.open({ mode: "resume" })[1].s, 0);
  assert.deepEqual(world.sent, [[-3, "Error: bad"]]);
});

test("a page that cannot be filled either stops", async () => {
  const world = online();
  world.say(1, 0, "bad");
  for (let s = 2; s <= 4; s++) world.say(s, 0, 10, 0, "bad");
  await settled();
  assert.equal(world.connection.state, "closed");
});

test("events stay until they are handled, and go out again after a resume", () => {
  const world = online();
  for (const id of [1, 2, 3]) world.connection.send(id, "click", null);
  world.say(-1, 1);
  world.say(1, 2);
  world.lose();
  world.connection.send(4, "click", null);
  world.connection.wake();
  assert.deepEqual(world.open({ mode: "resume", s: 1, c: 2 }), [0, { v: 1, resume: "R", s: 1 }]);
  assert.deepEqual(world.sent, [[3, 1, 3], [4, 1, 4]]);
});

test("a welcome that covers an event keeps it from being sent again", () => {
  const world = online();
  world.connection.send(1, "click", null);
  world.lose();
  world.connection.wake();
  world.open({ mode: "resume", c: 1 });
  assert.deepEqual(world.sent, []);
});

test("an event that failed is not sent again, and what became of it is told once", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const world = online();
  world.connection.send(1, "click", null);
  world.connection.send(2, "click", null);
  world.say(-3, 1, "refused", "");
  await settled();
  world.lose();
  world.connection.wake();
  world.open({ mode: "resume" });
  assert.deepEqual(world.sent, [[2, 0, 2]]);
  // The server tells again what it does not know to be heard.
  world.say(-3, 1, "refused", "");
  world.say(-3, 2, "error", "");
  assert.deepEqual(warn.mock.calls.map((call) => call.arguments), [["refused", ""], ["error", ""]]);
  assert.deepEqual(world.connection.pending, []);
});

test("a page whose session is gone loads itself anew, and is filled from the new session", async () => {
  const world = online();
  world.connection.send(1, "click", null);
  world.lose();
  world.connection.wake();
  world.html = '<meta name="sapwood" content="T2" data-prefix="new" data-path="">';
  world.socket.readyState = 1;
  world.socket.onopen();
  world.lose(4410);
  // At once: the server is there, it has just answered.
  await settled();
  world.fields = [[5, "typed"]];
  assert.deepEqual(await world.openAnew({ mode: "handoff" }), [0, { v: 1, token: "T2", fields: [] }]);
  assert.equal(world.work.page.idPrefix, "new");
  assert.deepEqual(world.sent, [[-3, "new session"]]);
  world.say(1, 0, 0, 5, "a difference before the whole tree");
  assert.deepEqual(world.applied, []);
  world.say(2, 0, ...WHOLE);
  assert.deepEqual(world.applied, [[WHOLE, 0]]);
  assert.equal(world.shown.at(-1), "This page has started afresh. 1 action was not carried out.");
  world.fields = [];
  world.connection.send(2, "click", null);
  assert.deepEqual(world.sent, [[1, 2, 2]]);
});

test("a page that is none any more is tried again, later and later", async () => {
  const world = online();
  world.html = "Internal Server Error";
  const sockets = world.sockets.length;
  world.lose(4410);
  await settled();
  assert.deepEqual([world.sockets.length, world.connection.state], [sockets, "offline"]);
  world.pass(500);
  assert.equal(world.sockets.length, sockets + 1);
});

test("what is typed offline is one event with the latest value", () => {
  const world = online();
  world.lose();
  for (const text of ["a", "ab"]) {
    world.fields = [[5, text]];
    world.connection.send(5, "input", null);
  }
  world.connection.wake();
  world.open({ mode: "resume" });
  assert.deepEqual(world.sent, [[1, 0, 5, "input", null, [5, "ab"]]]);
});

test("a moving pointer waits for the server, and another event takes it along", () => {
  const world = online();
  for (const clientX of [1, 2, 3]) world.connection.send(5, "pointermove", { clientX });
  assert.deepEqual(world.sent, [[1, 0, 5, "pointermove", { clientX: 1 }]]);
  world.connection.send(6, "click", null);
  assert.deepEqual(world.sent, [[2, 0, 5, "pointermove", { clientX: 3 }], [3, 0, 6]]);
});

test("no more than 64 events wait", () => {
  const world = online();
  world.lose();
  for (let id = 1; id <= 70; id++) world.connection.send(id, "click", null);
  assert.deepEqual([world.connection.count, world.shown.at(-1)], [64, "This is too much to send."]);
});

test("an event that the server would refuse for its size gets no number", () => {
  const world = online();
  world.fields = [[5, "ü".repeat(33_000)]];
  world.connection.send(5, "input", null);
  assert.deepEqual([world.sent, world.connection.count], [[], 0]);
});

test("an event that waits and grows too large keeps what it was, and what was typed is not forgotten", () => {
  const world = online();
  world.lose();
  world.fields = [[5, "a"]];
  world.connection.send(7, "input", null);
  world.fields = [[5, "x".repeat(70_000)]];
  world.connection.send(7, "input", null);
  assert.deepEqual([world.shown.at(-1), world.edited], ["This is too much to send.", [5]]);
  world.pass(500);
  world.open({ mode: "resume" });
  assert.deepEqual(world.sent, [[1, 0, 7, "input", null, [5, "a"]]]);
});

test("a join has a greater number than the last one, though the clock was set back", () => {
  const world = online();
  world.now = 5000;
  world.lose();
  world.connection.wake();
  world.socket.readyState = 1;
  world.socket.onopen();
  const [[, { n }]] = world.sent;
  world.lose();
  world.now = 4000;
  world.connection.wake();
  world.socket.readyState = 1;
  world.socket.onopen();
  assert.deepEqual([n, world.sent[0][1].n], [5000, 5001]);
});

test("a page whose server has another version of the client stops and says so", async () => {
  const world = online();
  world.work.load = async () => {
    throw 404;
  };
  world.lose(4410);
  await settled();
  assert.equal(world.connection.state, "closed");
});

test("waiting doubles up to 5 s, by chance", () => {
  const world = online();
  const waits = [];
  for (let i = 0; i < 9; i++) {
    world.lose();
    waits.push(world.timers[0].at - world.now);
    world.pass(waits[i]);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 5000, 5000, 5000, 5000, 5000]);
  world.random = 0.5;
  world.lose();
  assert.equal(world.timers[0].at - world.now, 2500);
});

test("a connection that lasted starts the waiting anew", () => {
  const world = online();
  for (let i = 0; i < 3; i++) world.lose();
  world.pass(4000);
  world.open({ mode: "resume" });
  world.pass(15_000);
  world.say(-2, 0);
  world.pass(2000);
  world.lose();
  assert.equal(world.timers.at(-1)?.at, world.now + 500);
});

test("a connection that carries events is no reason to wait longer either", () => {
  const world = online();
  for (let i = 0; i < 3; i++) world.lose();
  world.pass(4000);
  world.open({ mode: "resume" });
  for (let i = 1; i < 5; i++) {
    world.connection.send(/** @type {any} */ (i), "click", null);
    world.say(-1, i);
    world.pass(4000);
  }
  world.lose();
  assert.equal(world.timers.at(-1)?.at, world.now + 500);
});

test("the server is pinged every 15 s", () => {
  const world = online();
  for (let i = 0; i < 3; i++) {
    world.pass(15_000);
    assert.equal(world.sent.length, 1);
    world.say(-2, 0);
  }
  assert.equal(world.connection.state, "online");
});

test("a server that is silent for 10 s after a ping is gone", () => {
  const world = online();
  world.pass(25_000);
  assert.deepEqual([world.connection.state, world.socket.isClosed], ["offline", true]);
});

test("a socket that never opens is given up", () => {
  const world = new World();
  world.pass(10_000);
  assert.deepEqual([world.connection.state, world.socket.isClosed], ["connecting", true]);
});

for (const code of [1008, 4409, 4411]) {
  test(`close code ${code} is final`, () => {
    const world = online();
    world.lose(code);
    world.pass(100_000);
    world.connection.wake();
    assert.deepEqual([world.connection.state, world.sockets.length], ["closed", 1]);
  });
}

for (const code of [1006, 1009, 1013, 4400, 4408]) {
  test(`after close code ${code} the browser joins again`, () => {
    const world = online();
    world.lose(code);
    world.pass(500);
    assert.equal(world.sockets.length, 2);
  });
}

test("nothing that an old socket says is heard", () => {
  const world = online();
  const old = world.socket;
  world.connection.connect();
  old.onmessage({ data: "[1,0,0,5,\"x\"]" });
  old.onclose({ code: 4409 });
  assert.deepEqual([world.applied, world.connection.state, world.sockets.length], [[], "offline", 2]);
});

test("an event between two sockets goes out on the second", () => {
  const world = online();
  world.connection.connect();
  world.connection.send(1, "click", null);
  world.open({ mode: "resume" });
  assert.deepEqual(world.sent, [[1, 0, 1]]);
});

// --- A server that is away -----------------------------------------------------

test("browsers come back to a server that is started anew spread over 3 s", () => {
  const world = online();
  world.random = 0.9;
  world.lose(1012);
  world.pass(2699);
  assert.equal(world.sockets.length, 1);
  world.pass(1);
  assert.equal(world.sockets.length, 2);
});

test("a ping that is not answered within 2 s is shown, and what the server says then ends that", () => {
  const world = online();
  world.pass(16_999);
  assert(!world.shown.includes("Reconnecting…"));
  world.pass(1);
  assert.deepEqual([world.shown.at(-1), world.connection.state], ["Reconnecting…", "online"]);
  world.say(-2, 0);
  assert.equal(world.shown.at(-1), "online");
});

test("an event that is not answered is shown within 2 s, after a ping of its own", () => {
  const world = online();
  world.connection.send(/** @type {any} */ (1), "click", null);
  world.pass(2000);
  assert.deepEqual(world.sent, [[1, 0, 1], [-2, 1]]);
  assert.equal(world.shown.at(-1), "Reconnecting…");
});

test("an event that is answered asks for no ping, and the next one is due as ever", () => {
  const world = online();
  world.connection.send(/** @type {any} */ (1), "click", null);
  world.say(1, 1);
  world.pass(14_000);
  assert.deepEqual(world.sent, [[1, 0, 1], [-1, 1]]);
  world.pass(1000);
  assert.deepEqual(world.sent, [[-2, 1]]);
});

test("clicks on a dead line do not put off giving it up", () => {
  const world = online();
  for (let i = 0; i < 24; i++) {
    world.connection.send(/** @type {any} */ (1), "click", null);
    world.pass(500);
  }
  assert.equal(world.connection.state, "offline");
});

test("a browser that waits for a place says which, and waits", async () => {
  const world = new World();
  world.socket.readyState = 1;
  world.socket.onopen();
  world.say(-4, 3);
  await settled();
  assert.deepEqual([world.connection.state, world.shown.at(-1)], ["waiting", "Waiting for a place: 3"]);
  world.pass(14_999);
  world.say(-4, 2);
  assert.deepEqual([world.sockets.length, world.shown.at(-1)], [1, "Waiting for a place: 2"]);
  world.say(0, { mode: "handoff", s: 0, c: 0, resume: "R", dev: false });
  assert.equal(world.connection.state, "online");
});

test("a browser that waits pings, and finds out that the line is dead", async () => {
  const world = new World();
  world.socket.readyState = 1;
  world.socket.onopen();
  world.say(-4, 3);
  await settled();
  world.pass(15_000);
  assert.deepEqual(world.sent.at(-1), [-2, 0]);
  world.pass(10_000);
  assert.equal(world.connection.state, "offline");
});

// --- Text ------------------------------------------------------------------------

test("half of a surrogate pair is sent as a replacement character, a whole one as it is", () => {
  const world = online();
  world.fields = [[5, ["a\ud800", "🦀"]]];
  world.connection.send(/** @type {any} */ (5), "keydown", { key: "\udfff" });
  assert.deepEqual(world.sent, [[1, 0, 5, "keydown", { key: "\ufffd" }, [5, ["a\ufffd", "🦀"]]]]);
});

// --- The second bundle -----------------------------------------------------------

for (const [what, ops] of /** @type {[string, any[]][]} */ ([
  ["the whole tree", WHOLE],
  ["an element that is not HTML", [5, 1, 0, 1, "svg", 9, ""]],
  ["a property", [4, 5, "value", "x"]],
  ["a property of a new element", [5, 1, 0, 1, "input", 9, [".value", "x"], ""]],
  ["an element with another tag", [0, 5, "x", 9, 5, "html p", ["id", "a"]]],
])) {
  test(`a patch with ${what} waits for the second bundle, and those behind it wait too`, async () => {
    const world = online();
    world.say(1, 0, ...ops);
    world.say(2, 0, 0, 5, "b");
    assert.deepEqual([world.applied, world.work.page.more], [[], undefined]);
    await settled();
    assert.deepEqual(world.applied, [[ops, 0], [[0, 5, "b"], 0]]);
    assert(world.work.page.more);
  });
}

test("an ordinary patch waits for nothing", () => {
  const world = online();
  world.say(1, 0, 0, 9, "a", 5, 1, 0, 2, "p", 10, ["class", "x"], "svgs", 0, "b", 8, 1, 9, 10);
  assert.equal(world.applied.length, 1);
});

test("a bundle that cannot be loaded is loaded with the next connection, and no patch is left out", async () => {
  const world = online();
  world.canLoad = false;
  world.say(1, 0, ...WHOLE);
  world.say(2, 0, 0, 5, "b");
  await settled();
  assert.deepEqual([world.applied, world.connection.state], [[], "offline"]);
  world.canLoad = true;
  world.pass(500);
  assert.deepEqual(world.open({ mode: "resume" })[1].s, 0);
  world.say(1, 0, ...WHOLE);
  await settled();
  assert.equal(world.applied.length, 1);
});

// --- Where there is no WebSocket ----------------------------------------------------

/** What the stream was asked for. @param {World} world */
const posts = (world) => world.fetched.map(([path]) => path.replace("http://host/_sapwood/", ""));

test("a WebSocket that has not opened within 2.5 s is given up for a stream", async () => {
  const world = new World();
  world.random = 0;
  world.pass(2499);
  assert.deepEqual([world.socket.isClosed, posts(world)], [false, []]);
  world.pass(1);
  await settled();
  assert.deepEqual([world.socket.isClosed, posts(world)], [true, ["stream"]]);
});

test("a stream that does not work either is followed by a WebSocket, and so on", async () => {
  const world = new World();
  world.random = 0;
  world.lose();
  world.pass(0);
  await settled();
  assert.deepEqual([world.sockets.length, posts(world)], [1, ["stream"]]);
  world.pass(0);
  assert.equal(world.sockets.length, 2);
  world.lose();
  world.pass(0);
  await settled();
  assert.deepEqual(posts(world), ["stream", "stream"]);
});

test("where a WebSocket opened once there is no stream", async () => {
  const world = online();
  for (let i = 0; i < 3; i++) {
    world.lose();
    world.pass(30_000);
  }
  await settled();
  assert.deepEqual(posts(world), []);
});
