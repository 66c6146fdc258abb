// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { loader } from "../../python/sapwood/client/loader.js";

test("all who need the second bundle ask for it under one address, which brings the same", async () => {
  /** @type {string[]} */
  const urls = [];
  const load = loader("/more.js", async (url) => /** @type {any} */ (urls.push(url)));
  await Promise.all([load(), load()]);
  assert.deepEqual(urls, ["/more.js?0", "/more.js?0"]);
});

test("what could not be loaded is loaded by the next who needs it, under another address", async () => {
  /** @type {string[]} */
  const urls = [];
  const load = loader("/more.js", async (url) => {
    if (urls.push(url) === 1) throw new Error("offline");
    return /** @type {any} */ ("module");
  });
  await assert.rejects(load(), /offline/);
  assert.equal(await load(), "module");
  assert.deepEqual(urls, ["/more.js?0", "/more.js?1"]);
});
