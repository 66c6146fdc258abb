// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { element, online, settled, WHOLE, World } from "./world.js";

/** What a page keeps: an event to come and a field, of session R. */
const KEPT = JSON.stringify(["R", 7, [[7, "a", "click", null, [["f", "ty", false]]]], [["g", true, true]], {}, null]);

/** @param {World} world @param {any} target @param {string} [type] */
const send = (world, target, type = "click") => world.connection.send(target, type, null);

/** Lose the session and find a page for another one. @param {World} world */
async function renew(world) {
  world.html = '<meta name="sapwood" content="T2" data-prefix="new" data-path="">';
  world.lose(4410);
  await settled();
}

// --- Renewal -------------------------------------------------------------------------

test("the page is fetched with the secret of the session that is gone", async () => {
  const world = online();
  await renew(world);
  assert.deepEqual(world.fetched, [["", { "sapwood-resume": "R" }]]);
});

test("a page's own text is not taken for what the server says of it", async () => {
  const world = online();
  world.html = '<title>x "sapwood" content="EVIL" data-prefix="evil"</title><meta name="sapwood" content="T2" data-prefix="new" data-path="">';
  world.lose(4410);
  await settled();
  assert.equal(world.work.page.idPrefix, "new");
});

test("a page that is none any more, as behind a login, is asked for less and less often", async (t) => {
  const { warn } = console;
  t.after(() => (console.warn = warn));
  console.warn = () => {};
  const world = online();
  world.html = "Log in, please";
  const waits = [];
  for (let i = 0; i < 9; i++) {
    world.lose(4410);
    await settled();
    waits.push(world.timers[0].at - world.now);
    world.pass(waits[i]);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

test("a restored session's events wait until the page is filled, then go out with the ids of then", async () => {
  const world = online();
  const button = { id: "old" };
  world.work.page.id = (/** @type {any} */ target) => target.id;
  send(world, button);
  world.lose();
  send(world, button);
  world.pass(500);
  await renew(world);
  assert.deepEqual(await world.openAnew({ mode: "restored", c: 1 }), [0, { v: 1, token: "T2", fields: [] }]);
  assert.deepEqual(world.sent, []);
  button.id = "new";
  world.say(1, 1, ...WHOLE);
  await settled();
  assert.deepEqual(world.sent, [[-4, [], []], [2, 1, "new"]]);
});

test("a restored session learns what was typed last at once, and with each event what it carries", async () => {
  const world = online();
  world.fields = [["f", "old"]];
  send(world, "a");
  world.fields = [["f", "new"]];
  await renew(world);
  await world.openAnew({ mode: "restored" });
  const before = world.shown.length;
  world.say(1, 0, ...WHOLE);
  assert.deepEqual(world.sent, [[-4, ["f", "new"], []], [1, 1, "a", "click", null, ["f", "old"]]]);
  assert.deepEqual(world.shown.slice(before), ["online"]);
  send(world, "b");
  assert.deepEqual(world.sent.at(-1), [2, 1, "b", "click", null, ["f", "new"]], "the sync may have got lost");
});

test("what a session which is gone was told is told again by the first event that waits, or by the next", async () => {
  for (const waiting of [["a", "b"], []]) {
    const world = online();
    for (const target of waiting) send(world, target);
    world.told = [["f", "typed"]];
    await renew(world);
    await world.openAnew({ mode: "restored" });
    assert.deepEqual(world.carried, [["f", waiting.length + 1]], "what fills the page is not newer");
    world.say(1, 0, ...WHOLE);
    await settled();
    const [sync, ...events] = world.sent;
    assert.deepEqual(sync, [-4, [], []]);
    assert.deepEqual(events, waiting.length ? [[1, 1, "a", "click", null, ["f", "typed"]], [2, 1, "b"]] : []);
    assert.deepEqual(world.carried.slice(1), waiting.length ? [["f", 1]] : []);
    assert.deepEqual(world.edited, waiting.length ? [] : ["f"]);
  }
});

test("an event does not become too much by what it tells again", async () => {
  const world = online();
  send(world, "a");
  world.told = [["f", "x".repeat(40_000)], ["g", "y".repeat(40_000)]];
  await renew(world);
  await world.openAnew({ mode: "restored" });
  world.say(1, 0, ...WHOLE);
  assert.deepEqual(world.sent[1].at(-1), world.told[0]);
  assert.deepEqual(world.edited, ["g"]);
});

test("the whole tree is not asked for where it comes unasked, and no patch counts before it", async () => {
  const world = online();
  await renew(world);
  await world.openAnew({ mode: "restored" });
  world.say(1, 0, 0, 5, "early");
  assert.deepEqual([world.sent, world.applied], [[], []]);
});

test("the whole tree is asked for if the connection that it was to come by is lost", async () => {
  const world = online();
  await renew(world);
  await world.openAnew({ mode: "restored" });
  world.random = 0;
  world.lose();
  world.pass(0);
  assert.deepEqual(world.open({ mode: "resume" }), [0, { v: 1, resume: "R2", s: 0 }]);
  assert.deepEqual(world.sent, [[-3, "new session"]]);
});

test("a restored page tells of events whose elements are gone", async () => {
  const world = online();
  world.lose();
  send(world, "gone");
  world.pass(500);
  await renew(world);
  world.gone = ["gone"];
  await world.openAnew({ mode: "restored" });
  world.say(1, 0, ...WHOLE);
  assert(world.shown.includes("1 action was not carried out."));
});

test("a fresh session drops what waited, says so, and numbers from 1", async () => {
  const world = online();
  send(world, 1);
  send(world, 2);
  world.say(-1, 1);
  await renew(world);
  world.shown = [];
  await world.openAnew({ mode: "fresh" });
  send(world, 3);
  world.say(1, 0, ...WHOLE);
  await settled();
  assert.deepEqual(world.shown, ["online", "This page has started afresh. 1 action was not carried out."]);
  assert.deepEqual(world.sent, [[-4, [], []], [1, 1, 3]]);
});

test("the elements that are plainly the same are looked for only while the page is filled", async () => {
  const world = online();
  await renew(world);
  await world.openAnew({ mode: "fresh" });
  assert.equal(typeof world.work.page.match, "function");
  world.say(1, 0, ...WHOLE);
  assert.equal(world.work.page.match, undefined);
});

test("a session that is gone while the page is fetched for it is looked for once more", async () => {
  const world = online();
  world.html = "Internal Server Error";
  world.lose(4410);
  await settled();
  world.pass(500);
  await renew(world);
  await world.openAnew({ mode: "restored" });
  world.say(1, 0, ...WHOLE);
  assert.equal(world.applied.length, 1);
});

// --- F5 --------------------------------------------------------------------------------

test("what is kept is the secret, the count, the events that wait and the edited fields", () => {
  const world = online();
  world.fields = [["f", "ty"]];
  send(world, "a", "input");
  world.fields = [["g", true]];
  const kept = ["R", 1, [[1, "a", "input", null, [["f", "ty", false]]]], [["g", true, true]], {}, null];
  assert.deepEqual(JSON.parse(world.connection.keep()), kept);
});

test("no password is kept, nor the keys it was typed with", () => {
  const world = online();
  const password = element({ uuid: "p", type: "password" });
  world.fields = [[password, "secret"]];
  world.connection.send(/** @type {any} */ (password), "keydown", { key: "s" });
  world.fields = [[password, "secret2"]];
  assert.doesNotMatch(world.connection.keep(), /secret|"s"/);
});

test("what another version kept, or somebody else, is of no use and does no harm", async (t) => {
  const { warn } = console;
  t.after(() => (console.warn = warn));
  console.warn = () => {};
  for (const kept of ['["R",7,4]', '{"a":1}', "nonsense", "7", '["R",7,[[1]],[],{},null]']) {
    const world = new World({ kept });
    send(world, "a");
    assert.deepEqual(await world.openAnew({ mode: "handoff" }), [0, { v: 1, token: "T", fields: [], resume: "" }], kept);
    assert.deepEqual(world.sent, [[1, 0, "a"]], kept);
  }
});

test("before a welcome and after the end nothing is kept", () => {
  const world = new World();
  assert.equal(world.connection.keep(), "");
  world.open();
  world.lose(4411);
  assert.equal(world.connection.keep(), "");
});

test("a page that is left before it could take up what was kept leaves it to the next", () => {
  const kept = JSON.parse(new World({ kept: KEPT }).connection.keep());
  assert.deepEqual(kept, ["", 0, [], [], {}, JSON.parse(KEPT)]);
});

test("what happens in a page that is left before it could take anything up comes after that", async () => {
  const world = new World({ kept: KEPT });
  send(world, "b");
  const kept = world.connection.keep();
  assert.deepEqual(JSON.parse(kept), ["", 1, [[1, "b", "click", null, []]], [], {}, JSON.parse(KEPT)]);
  const next = new World({ kept });
  send(next, "c");
  const all = [8, 9].map((c, i) => [c, "bc"[i], "click", null, []]);
  await next.openAnew({ mode: "resume" });
  const typed = [["f", "ty", false], ["g", true, true]];
  assert.deepEqual(JSON.parse(next.connection.keep()), ["R2", 9, [...JSON.parse(KEPT)[2], ...all], typed, {}, null]);
});

test("what is of no session any more is not kept for the next page", async () => {
  const world = new World({ kept: KEPT });
  send(world, "b");
  await world.openAnew({ mode: "handoff" });
  assert.deepEqual(JSON.parse(world.connection.keep()).slice(1), [1, [[1, "b", "click", null, []]], [], {}, null]);
});

test("what was too much to keep stays so", async () => {
  const world = new World({ kept: '["R",7,4,[],{},null]' });
  send(world, "b");
  await world.openAnew({ mode: "resume" });
  const lost = [4, 5, 6, 7].map((c) => [c, "lost", "lost", null, []]);
  assert.deepEqual(JSON.parse(world.connection.keep())[2], [...lost, [8, "b", "click", null, []]]);
});

test("a page that was loaded again takes its session up with its fields", async () => {
  const world = new World({ kept: KEPT });
  const join = await world.openAnew({ mode: "resume" });
  assert.deepEqual(join, [0, { v: 1, token: "T", fields: ["g", true], resume: "R" }], "the event that waits brings the other");
});

test("kept events go out when the page is filled, before later ones and if they were not handled", async () => {
  const events = [[6, "a", "click", null, []], [7, "b", "click", null, []]];
  const world = new World({ kept: JSON.stringify(["R", 7, events, [], {}, null]) });
  send(world, "later");
  await world.openAnew({ mode: "resume", s: 4, c: 6 });
  assert.deepEqual(world.sent, []);
  world.say(5, 6, ...WHOLE);
  assert.deepEqual(world.sent, [[7, 5, "b"], [8, 5, "later"]]);
});

test("fields that were kept are put back, as what their event carries or to be told again", async () => {
  const world = new World({ kept: KEPT });
  const fields = [element({}, { value: "" }), element({}, { checked: false })];
  world.elements.set("f", fields[0]).set("g", fields[1]);
  await world.openAnew({ mode: "resume" });
  world.say(1, 0, ...WHOLE);
  assert.deepEqual([fields[0].value, fields[1].checked], ["ty", true]);
  assert.deepEqual([world.edited, world.carried], [fields, [[fields[0], 7]]]);
});

test("what an event carried that was handled since is not put back", async () => {
  const world = new World({ kept: KEPT });
  const field = element({}, { value: "what its handler set" });
  world.elements.set("f", field);
  await world.openAnew({ mode: "resume", c: 7 });
  world.say(1, 7, ...WHOLE);
  assert.equal(field.value, "what its handler set");
});

test("what was typed since the page was loaded is newer than what was kept", async () => {
  const world = new World({ kept: KEPT });
  const field = element({}, { value: "newer" });
  world.elements.set("f", field);
  await world.openAnew({ mode: "resume" });
  world.edited.push(field);
  world.say(1, 0, ...WHOLE);
  assert.equal(field.value, "newer");
});

test("events and fields of a page that was left find what has their id, or a field's name, in a session that was restored", async () => {
  const world = online();
  world.fields = [[element({ uuid: "f", name: "who" }), "Ada"], [element({ uuid: "g", id: "what" }), "x"]];
  send(world, element({ uuid: "a", id: "save" }));
  send(world, element({ uuid: "b", name: "delete" }));
  world.fields = [[element({ uuid: "f", name: "who" }), "Ada L"]];
  const next = new World({ kept: world.connection.keep() });
  next.work.page.id = (/** @type {any} */ it) => it.getAttribute?.("uuid") ?? it;
  next.work.page.has = (/** @type {any} */ it) => [...next.elements.values()].includes(it);
  next.socket.readyState = 1;
  next.socket.onopen();
  await settled();
  assert.deepEqual(next.sent[0][1].fields, ["f", "Ada L"]);
  await renew(next);
  assert.deepEqual((await next.openAnew({ mode: "restored" }))[1].fields, []);
  const named = [{ uuid: "F", name: "who" }, { uuid: "G", id: "what" }, { uuid: "A", id: "save" }, { uuid: "B", name: "delete" }];
  const [who, what] = named.map((it) => {
    const made = element(it, { value: "" });
    next.elements.set(it.uuid, made);
    return made;
  });
  next.say(1, 0, ...WHOLE);
  assert.deepEqual([who.value, what.value], ["Ada L", "x"]);
  const first = [1, 1, "A", "click", null, ["F", "Ada", "G", "x"]];
  assert.deepEqual(next.sent.slice(1), [first, [2, 1, "b"]], "a button of that name may delete something else");
  assert(next.shown.includes("1 action was not carried out."));
});

test("two fields of a name are nobody's", async () => {
  const world = online();
  world.fields = [[element({ uuid: "f", name: "who" }), "Ada"]];
  const next = new World({ kept: world.connection.keep() });
  next.elements.set("1", element({ name: "who" })).set("2", element({ name: "who" }));
  await next.openAnew({ mode: "resume" });
  next.say(1, 0, ...WHOLE);
  assert.deepEqual(next.edited, []);
});

test("a page whose session nobody knows any more is one of its own, and says what is lost", async () => {
  const world = new World({ kept: KEPT });
  send(world, "later");
  await world.openAnew({ mode: "handoff" });
  assert(world.shown.includes("1 action was not carried out."));
  assert.deepEqual(world.sent, [[1, 0, "later"]]);
});

test("a kept session that only the store knows is renewed with its secret, and its events run", async () => {
  const world = new World({ kept: KEPT });
  world.socket.readyState = 1;
  world.socket.onopen();
  await settled();
  await renew(world);
  assert.deepEqual(world.fetched, [["", { "sapwood-resume": "R" }]]);
  await world.openAnew({ mode: "restored", c: 6 });
  world.say(1, 6, ...WHOLE);
  assert.deepEqual(world.sent, [[-4, [], []], [7, 1, "a", "click", null, ["f", "ty"]]]);
});

test("events that are too much to keep leave their numbers, and are told of", async () => {
  const world = online();
  send(world, "a");
  for (let i = 0; i < 3; i++) {
    world.fields = [["f", "x".repeat(60_000)]];
    send(world, "f" + i, "input");
  }
  const kept = world.connection.keep();
  assert.equal(kept, '["R",4,4,[],{},null]');
  const next = new World({ kept });
  await next.openAnew({ mode: "resume", c: 1 });
  next.say(1, 1, ...WHOLE);
  assert(next.shown.includes("4 actions were not carried out."));
  assert.deepEqual(next.sent, [2, 3, 4].map((c) => [c, 1, "lost", "lost"]));
});

// --- Sharing -----------------------------------------------------------------------------

test("a shared session is joined with its secret, and its tree fills the page", async () => {
  const world = new World({ share: "S" });
  assert.deepEqual(await world.openAnew({ mode: "share" }), [0, { v: 1, token: "T", fields: [], share: "S" }]);
  send(world, 5);
  assert.deepEqual(world.sent, []);
  world.say(1, 0, ...WHOLE);
  assert.deepEqual(world.sent, [[1, 1, 5]]);
});

test("a shared session is asked for again with another token if the first was too old", async () => {
  const world = new World({ share: "S" });
  world.socket.readyState = 1;
  world.socket.onopen();
  await renew(world);
  assert.deepEqual(await world.openAnew({ mode: "share" }), [0, { v: 1, token: "T2", fields: [], share: "S" }]);
});

test("a secret is shown once", async () => {
  const world = new World({ share: "S" });
  await world.openAnew({ mode: "share" });
  world.say(1, 0, ...WHOLE);
  await renew(world);
  world.connection.resume = "";
  assert.deepEqual((await world.openAnew({ mode: "fresh" }))[1].share, undefined);
});

// --- DOM sync ------------------------------------------------------------------------------

test("a script may have the server told of the document, and nothing is asked for", async () => {
  const world = online();
  world.fields = [[5, "by a script"]];
  await world.connection.sync();
  assert.deepEqual(world.sent, [[-4, [5, "by a script"], []]]);
});

test("a script that wants to tell all the time is heard as often as the server bears, and of its last change", async () => {
  const world = online();
  for (let i = 0; i < 9; i++) {
    world.fields = [[5, `change ${i}`]];
    await world.connection.sync();
  }
  assert.deepEqual(world.sent.map((frame) => frame[1][1]), ["change 0", "change 1", "change 2"]);
  world.pass(10_500);
  assert.deepEqual(world.sent.filter(([kind]) => kind === -4), [[-4, [5, "change 8"], []]]);
  world.pass(30_000);
  assert.deepEqual(world.sent.filter(([kind]) => kind === -4), []);
});

test("what is to be told while the line is down is told when it is back", async () => {
  const world = online();
  world.lose();
  await world.connection.sync();
  world.pass(500);
  world.open({ mode: "resume" });
  await settled();
  assert.deepEqual(world.sent, [[-4, [], []]]);
});

test("a page that waits for the whole tree tells when it has it", async () => {
  const world = online();
  world.say(2, 0, 0, 5, "a");
  await world.connection.sync();
  assert.deepEqual(world.sent, [[-3, "gap"]]);
  world.say(2, 0, ...WHOLE);
  await settled();
  assert.deepEqual(world.sent, [[-4, [], []]]);
});

test("a page to which scripts added over a megabyte is live without it, and says so", async () => {
  const world = new World({});
  world.work.page.needsMore = true;
  world.fields = [[5, "x".repeat(1_000_000)]];
  assert.deepEqual(await world.openAnew({ mode: "handoff" }), [0, { v: 1, token: "T", fields: [] }]);
  assert.equal(world.connection.state, "online");
  assert(world.shown.includes("This is too much to send."));
});

test("a document of over a megabyte is not told of, and that is said", async () => {
  const world = online();
  world.fields = [[5, "x".repeat(1_000_000)]];
  await world.connection.sync();
  assert.deepEqual([world.sent, world.shown.at(-1)], [[], "This is too much to send."]);
});
