// @ts-check
/**
 * Makes the children of a node what a patch says.
 *
 * Insert and replace put new nodes before one that is there. The fill op, which
 * also brings a whole page up to date, uses elements again that have the same
 * id and tag, so that values, focus and scrolling stay. What must go goes
 * last: elements in it may be wanted elsewhere. Elements without a uuid are
 * not the server's and stay.
 */
import { container, HTML, isLeaf, splitTag, uuidOf } from "./nodes.js";
import { expect } from "./reader.js";

/** @typedef {{ parent: Node, inside: Node, left: number, cursor: Node | null, isFixed?: boolean }} Level with *isFixed* the cursor stays where new nodes go */

const NONCE = document.currentScript?.nonce ?? "";

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
    reader.skip(count, ({ id, tag }) => {
      const uuid = this.#page.uuid(id);
      expect(!this.#named.has(uuid), id);
      this.#named.add(uuid);
      if (parent === this.#page.document && /^(html|head|body)$/.test(tag)) this.#rename(tag, uuid);
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

  /** A document has one html, head and body, whatever their ids. @param {string} tag @param {string} uuid */
  #rename(tag, uuid) {
    const { document, elements } = this.#page;
    const old = document.querySelector(`${tag}:root,:root>${tag}`);
    if (!old) return;
    elements.delete(uuidOf(old));
    elements.set(uuid, old);
    old.setAttribute("uuid", uuid);
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
    const { old, element } = this.#element(level, node);
    this.#setAttributes(element, node.attributes, old);
    this.#put(level, element, old);
    const count = typeof children === "number" ? children : 0;
    if (old?.hasAttribute("data-sapwood-ignore")) return this.#reader.skip(count);
    const inner = this.#enter(element, count);
    if (children !== count && children) this.#addLeaf(inner, -1, /** @type {string} */ (children));
  }

  /** Find the element to use again, or make a new one. @param {Level} level @param {import("./reader.js").ElementNode} node */
  #element({ parent, inside }, node) {
    const { document, elements } = this.#page;
    const uuid = this.#page.uuid(node.id);
    const old = elements.get(uuid);
    const { namespace, tag } = splitTag(node.tag, parent);
    if (old) {
      expect(this.#named.has(uuid), uuid);
      if (old.localName === tag && old.namespaceURI === namespace) return { old, element: old };
      this.#doomed.add(old);
    }
    // An inert document for what is in a template: its images are not loaded.
    const owner = inside.ownerDocument ?? document;
    // createElementNS would take the `o` of `o:p` for a namespace prefix; the HTML parser does not.
    const element = namespace === HTML ? owner.createElement(tag) : owner.createElementNS(namespace, tag);
    element.setAttribute("uuid", uuid);
    // The server's own styles and scripts; markup of strangers never comes this way.
    /** @type {HTMLElement} */ (element).nonce = NONCE;
    elements.set(uuid, element);
    return { element };
  }

  /** @param {Element} element @param {any[]} attributes @param {Element} [old] */
  #setAttributes(element, attributes, old) {
    // What the client wrote and what the user opened is not the server's to take back.
    const kept = new Set(["uuid", "data-sapwood", old?.localName === "details" ? "open" : ""]);
    for (let i = 0; i < attributes.length; i += 2) {
      const name = attributes[i];
      const value = attributes[i + 1];
      if (name[0] === ".") this.#page.properties.push([element, name.slice(1), value]);
      else if (!kept.has(name)) this.#page.setAttribute(element, name, value);
      // The browser writes it so, except in SVG.
      kept.add(name).add(name.toLowerCase());
    }
    for (const name of old?.getAttributeNames() ?? []) {
      if (!kept.has(name)) element.removeAttribute(name);
    }
  }

  /** @param {Level} level @param {number} kind @param {string} data */
  #addLeaf(level, kind, data) {
    const next = this.#next(level);
    const owner = level.inside.ownerDocument ?? this.#page.document;
    const leaf = kind === -1 ? owner.createTextNode(data) : owner.createComment(data);
    if (level.isFixed || next?.nodeType !== leaf.nodeType) return level.inside.insertBefore(leaf, next);
    if (next.nodeValue !== data) next.nodeValue = data;
    level.cursor = next.nextSibling;
  }

  /** @param {Level} level @param {Element} element @param {Element} [old] */
  #put(level, element, old) {
    const next = this.#next(level);
    for (const each of this.#levels) if (each.cursor === element) each.cursor = element.nextSibling;
    if (!old) level.inside.insertBefore(element, next);
    else if (next !== element) this.#page.place(element, level.inside, next);
  }

  /** Go to the next old node that may be used. @param {Level} level */
  #next(level) {
    if (level.isFixed) return level.cursor;
    for (let node; (node = level.cursor); level.cursor = node.nextSibling) {
      const uuid = uuidOf(node);
      if (isLeaf(node) || this.#named.has(uuid)) break;
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
