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
  }, async () => ({ status: 200 }));
  await assert.rejects(load(), /offline/);
  assert.equal(await load(), "module");
  assert.deepEqual(urls, ["/more.js?0", "/more.js?1"]);
});

test("what the server has no more is said to be so, and what it cannot say is no answer", async () => {
  const fail = async () => {
    throw new Error("failed to import");
  };
  await assert.rejects(loader("/more.js", fail, async () => ({ status: 404 })), (error) => error === 404);
  await assert.rejects(loader("/more.js", fail, async () => ({ status: 502 })), /failed to import/);
  const offline = async () => {
    throw new TypeError("failed to fetch");
  };
  await assert.rejects(loader("/more.js", fail, offline), /failed to fetch/);
});
