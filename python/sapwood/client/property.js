// @ts-check
/**
 * Sets properties that the user may own too.
 *
 * What is equal already is left alone, and a caret stays where it is.
 */
import { expect } from "./reader.js";

const NAMES = /^(value|checked|selected|open|indeterminate|scrollTop|scrollLeft)$/;

/** Set a property; without a value to its default. @param {Element} element @param {string} name @param {any} value */
export function setProperty(element, name, value) {
  const field = /** @type {any} */ (element);
  expect(NAMES.test(name), name);
  if (field.options && (value === undefined || Array.isArray(value))) {
    for (const option of field.options) setProperty(option, "selected", value?.includes(option.value));
    return;
  }
  value ??= field["default" + name[0].toUpperCase() + name.slice(1)] ?? 0;
  // Only the user can choose files; the server may empty the field.
  if (field.files && name === "value" && value) return;
  const { selectionStart, selectionEnd, selectionDirection } = field;
  const move = name === "value" && selectionStart != null && element.matches(":focus") && follow(field.value, value);
  // Also if it is that already: from now on the attribute says no more what the field holds.
  field[name] = value;
  if (move) field.setSelectionRange(move(selectionStart), move(selectionEnd), selectionDirection);
}

/** Returns where a caret in *old* belongs in *text*: before what follows it, if that is still
 * there, or after what it follows. @param {string} old @param {string} text */
export function follow(old, text) {
  const shorter = Math.min(old.length, text.length);
  let start = 0;
  while (start < shorter && old[start] === text[start]) start++;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === text.at(-1 - end)) end++;
  return (/** @type {number} */ caret) => {
    if (old.length - caret <= end) return text.length - old.length + caret;
    return Math.min(caret, text.length - end);
  };
}
