// @ts-check
/** Gives an element another tag, for which the DOM needs another element. */
import { insert } from "./build.js";
import { container, uuidOf } from "./nodes.js";
import { expect, Reader } from "./reader.js";

/** The new element has the old one's place, id and children. @param {import("./patch.js").Page} page @param {Element} element
 * @param {string} tag @param {unknown} attributes */
export function replace(page, element, tag, attributes) {
  expect(Array.isArray(attributes), tag);
  const id = page.id(element);
  const uuid = uuidOf(element);
  page.elements.delete(uuid);
  insert(page, new Reader([tag, id, attributes, 0]), element.parentNode ?? page.document, 1, element);
  const inside = container(/** @type {Element} */ (page.elements.get(uuid)));
  for (let child; (child = container(element).firstChild); ) page.place(child, inside, null);
  element.remove();
}
