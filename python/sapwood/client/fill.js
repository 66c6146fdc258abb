// @ts-check
/**
 * Makes the children of a node what a patch says, of what is there.
 *
 * The fill op, which brings a whole page up to date, uses elements again that have
 * the same id and tag, so that values, focus and scrolling stay; an insert may bring
 * back what a script made and the server was told of. What must go goes last:
 * elements in it may be wanted elsewhere. Elements without a uuid are not the
 * server's and stay.
 */
import { create, createLeaf, setAttributes } from "./build.js";
import { splitTag } from "./namespace.js";
import { container, isLeaf, uuidOf } from "./nodes.js";
import { expect } from "./reader.js";

/** @typedef {{ parent: Node, inside: Node, left: number, cursor: Node | null, isFixed?: boolean }} Level with *isFixed* the cursor stays where new nodes go */

export class Filling {
  #page;
  #reader;
  /** @type {Set<Node>} */
  #doomed = new Set();
  /** The uuids of all elements to come. @type {Set<string>} */
  #named = new Set();
  /** @type {Level[]} */
  #levels = [];

  /** @param {import("./patch.js").Page} page @param {import("./reader.js").Reader} reader */
  constructor(page, reader) {
    this.#page = page;
    this.#reader = reader;
  }

  /** Put *count* new nodes into *parent*. @param {Node} parent @param {number} count @param {Node | null} before */
  insert(parent, count, before) {
    this.#enter(parent, count, true).cursor = before;
    this.#run();
  }

  /** Use again what is there, and remove what is not named. @param {Node} parent @param {number} count */
  refill(parent, count) {
    const reader = this.#reader;
    const { position } = reader;
    reader.last = 0;
    const { document, elements } = this.#page;
    skip(reader, count, (node) => {
      const { id, tag } = node;
      const uuid = this.#page.uuid(id);
      expect(!this.#named.has(uuid), id);
      // A document has one html, head and body, whatever their ids.
      const isOnly = parent === document && /^(html|head|body)$/.test(tag);
      const old = isOnly ? document.querySelector(`${tag}:root,:root>${tag}`) : elements.get(uuid) ?? this.#match(null, node);
      this.#named.add(uuid);
      if (old) this.#rename(old, uuid);
    });
    reader.position = position;
    this.#enter(parent, count);
    this.#run();
  }

  #run() {
    this.#reader.last = 0;
    for (let level; (level = this.#levels.at(-1)); ) {
      if (level.left-- > 0) this.#add(level);
      else this.#leave(level);
    }
    for (const node of this.#doomed) {
      this.#page.forget(node);
      /** @type {ChildNode} */ (node).remove();
    }
  }

  /** @param {Element} old @param {string} uuid */
  #rename(old, uuid) {
    const { elements } = this.#page;
    this.#named.add(uuid);
    if (uuidOf(old) === uuid) return;
    elements.delete(uuidOf(old));
    elements.set(uuid, old);
    old.setAttribute("uuid", uuid);
  }

  /** Find an element that has another uuid and is the same. @param {Level | null} level @param {import("./reader.js").ElementNode} node */
  #match(level, node) {
    const { match, document } = this.#page;
    return match?.(document, level, node, (old) => this.#named.has(uuidOf(old)) || this.#doomed.has(old));
  }

  /** Go on at an element that is used again; what stood before it is not. @param {Level} level @param {Element} old */
  #skipTo(level, old) {
    for (let node; (node = level.cursor) && node !== old; level.cursor = node.nextSibling) {
      if (isLeaf(node) || (uuidOf(node) && !this.#named.has(uuidOf(node)))) this.#doomed.add(node);
    }
  }

  /** @param {Node} parent @param {number} left @param {boolean} [isFixed] @returns {Level} */
  #enter(parent, left, isFixed) {
    const inside = container(parent);
    const level = { parent, inside, left, isFixed, cursor: inside.firstChild };
    this.#levels.push(level);
    return level;
  }

  /** @param {Level} level */
  #add(level) {
    const node = this.#reader.node();
    const { children } = node;
    if (!("id" in node)) return this.#addLeaf(level, node.tag, node.children);
    const { old, element, isTold } = this.#element(level, node);
    if (!isTold) this.#setAttributes(element, node.attributes, old);
    this.#put(level, element, old);
    const count = typeof children === "number" ? children : 0;
    if (old?.hasAttribute("data-sapwood-ignore")) return skip(this.#reader, count);
    const inner = this.#enter(element, count);
    if (children !== count && children) this.#addLeaf(inner, -1, /** @type {string} */ (children));
  }

  /** Find the element to use again, or make a new one. @param {Level} level @param {import("./reader.js").ElementNode} node
   * @returns {{ element: Element, old?: Element, isTold?: boolean }} with *isTold* it is a script's and its attributes are the newest */
  #element(level, node) {
    const { elements, told } = this.#page;
    const uuid = this.#page.uuid(node.id);
    const old = elements.get(uuid);
    const { namespace, tag } = splitTag(node.tag, level.parent);
    const same = old ? undefined : told.get(uuid) ?? this.#match(level, node);
    if (same?.localName === tag && same.namespaceURI === namespace && same.isConnected) {
      const isTold = told.delete(uuid);
      if (!isTold) this.#skipTo(level, same);
      this.#rename(same, uuid);
      return { old: same, element: same, isTold };
    }
    if (old) {
      expect(this.#named.has(uuid), uuid);
      if (old.localName === tag && old.namespaceURI === namespace) return { old, element: old };
      this.#doomed.add(old);
    }
    return { element: create(this.#page, level, node) };
  }

  /** @param {Element} element @param {any[]} attributes @param {Element} [old] */
  #setAttributes(element, attributes, old) {
    // What the client wrote and what the user opened is not the server's to take back.
    const kept = new Set(["uuid", "data-sapwood", old?.localName === "details" ? "open" : ""]);
    setAttributes(this.#page, element, attributes, kept);
    // The browser writes them so, except in SVG.
    for (let i = 0; i < attributes.length; i += 2) kept.add(attributes[i]).add(attributes[i].toLowerCase());
    for (const name of old?.getAttributeNames() ?? []) {
      if (!kept.has(name)) element.removeAttribute(name);
    }
  }

  /** @param {Level} level @param {number} kind @param {string} data */
  #addLeaf(level, kind, data) {
    const next = this.#next(level, this.#page.match);
    const leaf = createLeaf(this.#page, level.inside, kind, data);
    if (level.isFixed || next?.nodeType !== leaf.nodeType) return level.inside.insertBefore(leaf, next);
    if (next.nodeValue !== data) next.nodeValue = data;
    level.cursor = next.nextSibling;
  }

  /** @param {Level} level @param {Element} element @param {Element} [old] */
  #put(level, element, old) {
    const next = this.#next(level, this.#page.match);
    for (const each of this.#levels) if (each.cursor === element) each.cursor = element.nextSibling;
    if (!old) level.inside.insertBefore(element, next);
    else if (next !== element && !isBefore(element, level.inside, next)) this.#page.place(element, level.inside, next);
  }

  /** Go to the next old node that may be used; *match* may find a use for any. @param {Level} level @param {unknown} [match] */
  #next(level, match) {
    if (level.isFixed) return level.cursor;
    for (let node; (node = level.cursor); level.cursor = node.nextSibling) {
      const uuid = uuidOf(node);
      if (isLeaf(node) || this.#named.has(uuid) || (uuid && match)) break;
      if (uuid) this.#doomed.add(node);
    }
    return level.cursor;
  }

  /** What is left at a level goes, unless it is wanted elsewhere. @param {Level} level */
  #leave(level) {
    this.#levels.pop();
    for (let node; !level.isFixed && (node = this.#next(level)); level.cursor = node.nextSibling) {
      if (isLeaf(node)) this.#doomed.add(node);
    }
  }
}

/** Says whether nothing that the server knows of is between two neighbours. @param {Node} node @param {Node} parent @param {Node | null} before */
function isBefore(node, parent, before) {
  let next = node.nextSibling;
  while (next && next !== before && !isLeaf(next) && !uuidOf(next)) next = next.nextSibling;
  return next === before && node.parentNode === parent;
}

/** Read *count* nodes and all that is in them. @param {import("./reader.js").Reader} reader @param {number} count
 * @param {(node: import("./reader.js").ElementNode) => void} [visit] */
export function skip(reader, count, visit) {
  for (; count > 0; count--) {
    const node = reader.node();
    if (!("id" in node)) continue;
    visit?.(node);
    if (typeof node.children === "number") count += node.children;
  }
}
