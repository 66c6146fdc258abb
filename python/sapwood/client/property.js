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
  const { selectionStart, selectionEnd } = field;
  const keepsCaret = name === "value" && element.matches(":focus") && selectionStart < field.value.length;
  // Also if it is that already: from now on the attribute says no more what the field holds.
  field[name] = value;
  if (keepsCaret && selectionStart != null) field.setSelectionRange(selectionStart, selectionEnd);
}
