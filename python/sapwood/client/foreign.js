// @ts-check
/**
 * Says what scripts added to the page, as the operands of inserts.
 *
 * The server has its own opinion of each: what it takes comes back as a patch with the
 * ids made here, and the page then uses the elements that are there. Until that they
 * stay foreign, without a uuid.
 */
import { splitTag } from "./namespace.js";
import { isLeaf, uuidOf } from "./nodes.js";

const NODES_MAX = 20_000;
const DEPTH_MAX = 256;
const ATTRIBUTES_MAX = 128;
const NAME_BYTES_MAX = 128;
const VALUE_BYTES_MAX = 64 * 1024;
const ID_LENGTH = 16;
/** What a script added and the server does not want to know of. */
const LEFT_OUT =
  "[data-sapwood-ignore],[data-sapwood-ignore] *,script,style,link,meta,base,iframe,frame,object,embed,template,noscript";

/** What could run a script, or is ours. */
const REFUSED = /^_?on|^(uuid|srcdoc|nonce)$/i;

/** @typedef {{ document: Document, elements: Map<string, Element>, told: Map<string, Element>, id(element: Element): number | string }} Page */

/** The uuids made for elements: one that was told of twice keeps its own. @type {WeakMap<Element, string>} */
const made = new WeakMap();

/** Return `[parent, before, count, nodes…]` again and again, for all that is foreign. @param {any} page */
export function collect(page) {
  /** @type {unknown[]} */
  const found = [];
  const budget = { left: NODES_MAX };
  const { document, elements, told } = /** @type {Page} */ (page);
  told.clear();
  const outermost = [...document.querySelectorAll(`[uuid]>:not([uuid],${LEFT_OUT})`)];
  for (const parent of new Set(outermost.map(({ parentElement }) => /** @type {Element} */ (parentElement)))) {
    if (elements.get(uuidOf(parent)) === parent) gather(page, parent, budget, found);
  }
  return found;
}

/** @param {Page} page @param {Element} parent @param {{ left: number }} budget @param {unknown[]} found */
function gather(page, parent, budget, found) {
  /** @type {Element[]} */
  let run = [];
  let index = 0;
  const end = (/** @type {number | string} */ before) => {
    const nodes = run.map((element) => describe(page, element, budget)).filter((each) => each !== null);
    if (nodes.length) found.push(page.id(parent), before, nodes.length, ...nodes.flat());
    run = [];
  };
  for (const child of parent.childNodes) {
    if (isLeaf(child)) end(-1 - index++);
    else if (uuidOf(child)) {
      index++;
      end(page.id(/** @type {Element} */ (child)));
    } else run.push(/** @type {Element} */ (child));
  }
  end(0);
}

/** Return an element and all in it as a patch has them; null for one that is to stay foreign.
 * @param {Page} page @param {Element} root @param {{ left: number }} budget */
function describe(page, root, budget) {
  // What scripts put around the server's own elements cannot be told without these.
  if (root.matches(LEFT_OUT) || root.querySelector("[uuid]")) return null;
  /** @type {unknown[]} */
  const nodes = [];
  /** @type {[string, Element][]} */
  const names = [];
  /** @type {{ node: Node, depth: number }[]} */
  const stack = [{ node: root, depth: 1 }];
  for (let next; (next = stack.pop()); ) {
    const { node, depth } = next;
    if (--budget.left < 0 || depth > DEPTH_MAX) return tooMuch(root);
    if (isLeaf(node)) {
      const data = /** @type {string} */ (node.nodeValue);
      if (bytes(data) > VALUE_BYTES_MAX) return tooMuch(root);
      nodes.push(node.nodeType === 3 ? -1 : -2, data);
      continue;
    }
    const element = /** @type {Element} */ (node);
    const tag = written(element);
    const attributes = attributesOf(element);
    if (!tag || !attributes) return tooMuch(root);
    const id = made.get(element) ?? mint();
    names.push([id, element]);
    nodes.push(tag, id);
    if (attributes.length) nodes.push(attributes);
    const children = [...element.childNodes].filter((child) => isLeaf(child) || (child.nodeType === 1 && !(/** @type {Element} */ (child).matches(LEFT_OUT))));
    nodes.push(children.length);
    for (const child of children.reverse()) stack.push({ node: child, depth: depth + 1 });
  }
  for (const [id, element] of names) {
    made.set(element, id);
    page.told.set(id, element);
  }
  return nodes;
}

/** @param {Element} root */
function tooMuch(root) {
  console.warn("The server is not told of this, for its size or its names:", root);
  return null;
}

/** Returns the tag as a patch writes it. @param {Element} element */
function written(element) {
  const { localName, namespaceURI } = element;
  if (bytes(localName) > NAME_BYTES_MAX) return "";
  const parent = /** @type {Element} */ (element.parentElement);
  if (splitTag(localName, parent).namespace === namespaceURI) return localName;
  const prefix = ["html", "svg", "math"].find((prefix) => splitTag(`${prefix} x`, parent).namespace === namespaceURI);
  return prefix ? `${prefix} ${localName}` : "";
}

/** @param {Element} element */
function attributesOf({ attributes }) {
  const kept = [...attributes].filter(({ name }) => !REFUSED.test(name));
  const isLarge = kept.some(({ name, value }) => bytes(name) > NAME_BYTES_MAX || bytes(value) > VALUE_BYTES_MAX);
  return isLarge || kept.length > ATTRIBUTES_MAX ? null : kept.flatMap(({ name, value }) => [name, value]);
}

function mint() {
  const random = crypto.getRandomValues(new Uint8Array(ID_LENGTH));
  return "~" + Array.from(random, (byte) => (byte % 36).toString(36)).join("");
}

/** @param {string} text */
function bytes(text) {
  return new TextEncoder().encode(text).length;
}
