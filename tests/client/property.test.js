// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { follow } from "../../python/sapwood/client/property.js";

/** Texts with their caret as "|". @type {[string, string][]} */
const CASES = [
  ["abc|", "ABC|"],
  ["ab|c", "AB|C"],
  ["12|34", "12-|34"],
  ["1234|", "12-34|"],
  ["|abc", "|abcabc"],
  ["  ab|c", "ab|c"],
  ["abc|def", "abc|"],
  ["long te|xt", "s|"],
  ["a|", "|"],
];

for (const [old, text] of CASES) {
  test(`a caret in ${old} is then in ${text}`, () => {
    const bare = text.replace("|", "");
    const caret = follow(old.replace("|", ""), bare)(old.indexOf("|"));
    assert.equal(bare.slice(0, caret) + "|" + bare.slice(caret), text);
  });
}
