// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { Reader } from "../../python/sapwood/client/reader.js";
import { skip } from "../../python/sapwood/client/fill.js";

/** @param {unknown[]} items */
const read = (...items) => new Reader(items);

test("operands come in order until there are none", () => {
  const reader = read(0, "a");
  assert.deepEqual([reader.isDone, reader.count(), reader.string(), reader.isDone], [false, 0, "a", true]);
});

test("a patch that ends inside an op is a desync", () => {
  assert.throws(() => read().next(), /unexpected/);
});

for (const item of [1, null, true, [], undefined]) {
  test(`${JSON.stringify(item)} is no string`, () => assert.throws(() => read(item).string(), /unexpected/));
}

for (const item of ["1", -1, 1.5, null, true, [], 2 ** 53]) {
  test(`${JSON.stringify(item)} is no count`, () => assert.throws(() => read(item).count(), /unexpected/));
}

test("an element may leave its attributes out", () => {
  assert.deepEqual(read("p", 3, "text").node(), { tag: "p", id: 3, attributes: [], children: "text" });
});

test("an element's attributes stand before its children", () => {
  assert.deepEqual(read("p", "x", ["a", "b"], 2).node(), { tag: "p", id: "x", attributes: ["a", "b"], children: 2 });
});

test("texts and comments are leaves", () => {
  const reader = read(-1, "a", -2, "b");
  assert.deepEqual([reader.node(), reader.node()], [{ tag: -1, children: "a" }, { tag: -2, children: "b" }]);
});

test("an id that is left out is the last number plus one, over ids that are strings", () => {
  const reader = read("p", 3, 0, "p", "x", 0, "p", 0, 0);
  skip(reader, 2);
  assert.equal(/** @type {any} */ (reader.node()).id, 4);
});

test("an id that is left out first of all is 1", () => {
  assert.equal(/** @type {any} */ (read("p", 0, 0).node()).id, 1);
});

for (const node of [["p", -1, 0], ["p", 1.5, 0], ["p", 1, -1], ["p", 1, null], ["", 1], [-3, "x"], ["p", "", 0], ["p", 1, [], []]]) {
  test(`${JSON.stringify(node)} is no node`, () => assert.throws(() => read(...node).node(), /unexpected/));
}

test("skipping visits every element, however deep", () => {
  /** @type {unknown[]} */
  const items = ["p", 1, 1];
  for (let depth = 1; depth < 100_000; depth++) items.push("p", 0, 1);
  items.push(-1, "end");
  let visits = 0;
  const reader = new Reader(items);
  skip(reader, 1, () => visits++);
  assert.deepEqual([visits, reader.isDone], [100_000, true]);
});
