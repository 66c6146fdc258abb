// @ts-check
/** Says of a node what the DOM does not: its uuid, where its children are. */

/** Where the children are: a template has them in its content. @param {Node} node @returns {Node} */
export function container(node) {
  return node.nodeName === "TEMPLATE" ? /** @type {HTMLTemplateElement} */ (node).content : node;
}

/** Returns an element's uuid; a string is one. @param {Node | string} node @returns {string} */
export function uuidOf(node) {
  return typeof node === "string" ? node : /** @type {Element} */ (node).getAttribute?.("uuid") ?? "";
}

/** @param {Node} node */
export function isLeaf({ nodeType }) {
  return nodeType === 3 || nodeType === 8;
}
