// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { valueOf, Values } from "../../python/sapwood/client/values.js";

/** A page of fields, and the user in front of it. */
class Form {
  /** @type {Record<string, Function>} */ listeners = {};
  count = 0;

  /** @param {any[]} fields */
  constructor(...fields) {
    this.fields = fields;
    const matches = (/** @type {string} */ selector) => /input/.test(selector);
    fields.forEach((field, index) => Object.assign(field, { matches: field.matches ?? matches, id: index + 1, form: null }));
    const document = {
      addEventListener: (/** @type {string} */ type, /** @type {Function} */ run) => (this.listeners[type] = run),
      querySelectorAll: () => fields,
    };
    const page = { known: new Set(fields), has: (/** @type {any} */ field) => page.known.has(field) };
    this.page = page;
    this.values = new Values(/** @type {any} */ (document), page, () => this.count);
  }

  /** @param {any} field @param {string} value */
  type(field, value) {
    field.value = value;
    this.listeners.input({ target: field, isTrusted: true });
  }

  /** @param {number} c */
  report(c) {
    return [...this.values.report(c)].flatMap(([field, value]) => [/** @type {any} */ (field).id, value]);
  }
}

const text = () => ({ type: "text", value: "", defaultValue: "" });
/** @param {string} name */
const radio = (name) => ({ type: "radio", name, checked: false, defaultChecked: false });

test("an edited field is reported once, with its latest value", () => {
  const field = text();
  const form = new Form(field, text());
  form.type(field, "a");
  form.type(field, "ab");
  assert.deepEqual([form.report(1), form.report(2)], [[1, "ab"], []]);
});

test("a change by a script is an edit, one by the browser was an input before", () => {
  const field = text();
  const form = new Form(field);
  form.listeners.change({ target: field, isTrusted: true });
  assert.deepEqual(form.report(1), []);
  form.listeners.change({ target: field, isTrusted: false });
  assert.deepEqual(form.report(1), [1, ""]);
});

test("one radio button reports its group", () => {
  const buttons = [radio("a"), radio("b"), radio("a")];
  const form = new Form(...buttons);
  buttons[0].checked = true;
  form.listeners.input({ target: buttons[0] });
  assert.deepEqual(form.report(1), [1, true, 3, false]);
});

test("what is not a field is not reported", () => {
  const editable = { matches: () => false };
  const form = new Form(editable);
  form.listeners.input({ target: editable });
  assert.deepEqual(form.report(1), []);
});

test("a field that left the page is not reported", () => {
  const field = text();
  const form = new Form(field);
  form.type(field, "a");
  form.page.known.clear();
  assert.deepEqual(form.report(1), []);
});

test("a property gives way to typing until the event that carried it is handled", () => {
  const field = text();
  const form = new Form(field);
  form.count = 4;
  form.type(field, "a");
  const element = /** @type {any} */ (field);
  assert.deepEqual([4, 5].map((c) => form.values.holds(element, "value", c)), [true, false]);
  assert.equal(form.values.holds(/** @type {any} */ (text()), "value", 0), false);
});

test("a later event that carries the edit is the one that counts", () => {
  const field = text();
  const form = new Form(field);
  form.type(field, "a");
  form.report(3);
  assert.equal(form.values.holds(/** @type {any} */ (field), "value", 2), true);
});

test("the value of a field that text is composed in is the user's", () => {
  const field = text();
  const form = new Form(field);
  form.listeners.compositionstart({ target: field });
  const during = form.values.holds(/** @type {any} */ (field), "value", Infinity);
  form.listeners.compositionend({});
  assert.deepEqual([during, form.values.holds(/** @type {any} */ (field), "value", Infinity)], [true, false]);
});

/** @param {string} selected @param {string} byDefault */
const options = (selected, byDefault) =>
  [..."abc"].map((value, index) => ({ value, index, selected: selected.includes(value), defaultSelected: byDefault.includes(value) }));

for (const [name, field, isChanged] of /** @type {[string, object, boolean][]} */ ([
  ["a text as in the HTML", { value: "a", defaultValue: "a" }, false],
  ["a text that was typed", { value: "ab", defaultValue: "a" }, true],
  ["a ticked box", { type: "checkbox", checked: true, defaultChecked: false }, true],
  ["a box ticked in the HTML", { type: "checkbox", checked: true, defaultChecked: true }, false],
  ["a drop-down list at its first option", { value: "a", options: options("a", "") }, false],
  ["a drop-down list at another option", { value: "b", options: options("b", "") }, true],
  ["a drop-down list back at its first option", { value: "a", options: options("a", "b") }, true],
  ["a multiple list with its first option", { multiple: true, options: options("a", "") }, true],
])) {
  test(`a new session ${isChanged ? "hears of" : "knows"} ${name}`, () => {
    const form = new Form(field);
    form.values.survey(0);
    assert.equal(form.report(1).length > 0, isChanged);
  });
}

test("what an event carries that was not sent yet is not told besides, and gives way to its handler", () => {
  const field = text();
  const form = new Form(field);
  form.type(field, "a");
  form.report(1);
  form.values.survey(0);
  assert.deepEqual(form.report(2), []);
  assert.equal(form.values.holds(/** @type {any} */ (field), "value", 1), false);
});

for (const [field, value] of /** @type {[any, any][]} */ ([
  [{ type: "text", value: "a" }, "a"],
  [{ type: "checkbox", checked: true, value: "a" }, true],
  [{ type: "file", value: "C:\\fakepath\\a", files: [{ name: "a" }, { name: "b" }] }, ["a", "b"]],
  [{ type: "select-multiple", multiple: true, value: "a", options: options("ac", "") }, ["a", "c"]],
  [{ type: "select-one", value: "c", options: options("c", "") }, "c"],
])) {
  test(`a ${field.type} field is reported as ${JSON.stringify(value)}`, () => assert.deepEqual(valueOf(field), value));
}

test("all fields of a form that is reset are told, whatever they are called", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [one, elements, other] = [text(), Object.assign(text(), { name: "elements" }), text()];
  const form = new Form(one, elements, other);
  const reset = { elements };
  Object.assign(one, { form: reset });
  Object.assign(elements, { form: reset });
  form.listeners.reset({ target: reset, isTrusted: true });
  t.mock.timers.tick(0);
  assert.deepEqual(form.report(1), [1, "", 2, ""]);
});
