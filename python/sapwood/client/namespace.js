// @ts-check
/**
 * Puts elements and attributes into the right namespace.
 *
 * Tags are written as in HTML; where the namespace does not follow from the
 * parent it stands before the tag: `svg a`, `html div`.
 */
import { expect } from "./reader.js";

export const HTML = "http://www.w3.org/1999/xhtml";
/** @type {Record<string, string>} */
const NAMESPACES = {
  __proto__: /** @type {any} */ (null),
  html: HTML,
  svg: "http://www.w3.org/2000/svg",
  math: "http://www.w3.org/1998/Math/MathML",
  "xlink:": "http://www.w3.org/1999/xlink",
  "xml:": "http://www.w3.org/XML/1998/namespace",
};

/** Returns the namespace and the bare tag of a written one. @param {string} written @param {Node} parent */
export function splitTag(written, parent) {
  const [prefix, tag = prefix] = written.split(" ");
  const { namespaceURI, localName } = /** @type {Element} */ (parent);
  const isForeign = /\/Math|\/svg(?!(foreignObject|desc|title)$)/.test(namespaceURI + localName);
  const isBare = tag === written;
  expect(isBare || NAMESPACES[prefix], written);
  return { namespace: isBare && isForeign ? namespaceURI : NAMESPACES[prefix] ?? HTML, tag };
}

/** Make an element as its tag is written. @param {Document} owner @param {string} written @param {Node} parent */
export function createElement(owner, written, parent) {
  const { namespace, tag } = splitTag(written, parent);
  // createElementNS would take the `o` of `o:p` for a namespace prefix; the HTML parser does not.
  return namespace === HTML ? owner.createElement(tag) : owner.createElementNS(namespace, tag);
}

/** Set an attribute that has a namespace, and say whether it has one. @param {Element} element @param {string} name @param {string} value */
export function setForeign(element, name, value) {
  const namespace = element.namespaceURI !== HTML && NAMESPACES[name.slice(0, name.indexOf(":") + 1)];
  if (namespace) element.setAttributeNS(namespace, name, value);
  return !!namespace;
}
