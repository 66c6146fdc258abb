// @ts-check
/**
 * Makes nodes as a patch lists them, and puts them where nothing is used again.
 *
 * Nodes come in preorder, so a stack of levels says where the next one belongs.
 */
import { container } from "./nodes.js";
import { expect } from "./reader.js";

/** @typedef {import("./patch.js").Page} Page */

/** Put *count* new nodes into *parent*. @param {Page} page @param {import("./reader.js").Reader} reader
 * @param {Node} parent @param {number} count @param {Node | null} before */
export function insert(page, reader, parent, count, before) {
  reader.last = 0;
  const levels = [{ parent, inside: container(parent), left: count, before }];
  for (let level; (level = levels.at(-1)); ) {
    if (level.left-- < 1) {
      levels.pop();
      continue;
    }
    const { inside } = level;
    const node = reader.node();
    if (!("id" in node)) {
      inside.insertBefore(createLeaf(page, inside, node.tag, node.children), level.before);
      continue;
    }
    expect(!page.elements.has(page.uuid(node.id)), node.id);
    const element = create(page, level, node);
    setAttributes(page, element, node.attributes);
    inside.insertBefore(element, level.before);
    const within = container(element);
    const { children } = node;
    if (typeof children === "number") levels.push({ parent: element, inside: within, left: children, before: null });
    else if (children) within.appendChild(createLeaf(page, within, -1, children));
  }
}

/** Make an element for a place. @param {Page} page @param {{ parent: Node, inside: Node }} place @param {import("./reader.js").ElementNode} node */
export function create(page, { parent, inside }, node) {
  const uuid = page.uuid(node.id);
  // An inert document for what is in a template: its images are not loaded.
  const owner = inside.ownerDocument ?? page.document;
  // What is not HTML takes more: see `RARE` in connection.js.
  expect(page.more || !/^(svg|math)$| /.test(node.tag), node.tag);
  const element = page.more ? page.more.createNamed(owner, node.tag, parent) : owner.createElement(node.tag);
  element.setAttribute("uuid", uuid);
  // The server's own styles and scripts; markup of strangers never comes this way.
  /** @type {HTMLElement} */ (element).nonce = page.nonce;
  page.elements.set(uuid, element);
  return element;
}

/** Make a text or a comment. @param {Page} page @param {Node} inside @param {number} kind @param {string} data */
export function createLeaf(page, inside, kind, data) {
  const owner = inside.ownerDocument ?? page.document;
  return kind === -1 ? owner.createTextNode(data) : owner.createComment(data);
}

/** Set attributes now, and properties when all else is done. @param {Page} page @param {Element} element
 * @param {any[]} attributes @param {Set<string>} [kept] what is left as it is */
export function setAttributes(page, element, attributes, kept) {
  for (let i = 0; i < attributes.length; i += 2) {
    const name = attributes[i];
    const value = attributes[i + 1];
    if (name[0] === ".") page.properties.push([element, name.slice(1), value]);
    else if (!kept?.has(name)) page.setAttribute(element, name, value);
  }
}
