// @ts-check
/**
 * Reads the operands of a patch from front to back.
 *
 * Nothing is skipped and nothing is guessed: whatever is not as
 * docs/protocol.md says throws, and the page asks for a fresh tree.
 */

/** @typedef {{ tag: string, id: number | string, attributes: unknown[], children: number | string }} ElementNode */
/** @typedef {{ tag: -1 | -2, children: string }} Leaf a text or a comment */

export class Reader {
  position = 0;
  /** The last id in this op: an id that is left out follows it. */
  last = 0;
  /** The tag of the element read last. @type {unknown} */
  tag;
  #items;

  /** @param {unknown[]} items */
  constructor(items) {
    this.#items = items;
  }

  get isDone() {
    return this.position >= this.#items.length;
  }

  /** @returns {any} */
  next() {
    return expect(!this.isDone) && this.#items[this.position++];
  }

  /** @returns {string} */
  string() {
    const item = this.next();
    expect(typeof item === "string", item);
    return item;
  }

  /** @returns {number} */
  count() {
    const item = this.next();
    expect(isCount(item), item);
    return item;
  }

  /** @returns {ElementNode | Leaf} */
  node() {
    let tag = this.next();
    if (tag === -1 || tag === -2) return { tag, children: this.string() };
    // One more of the same, as cells of a row are.
    let id = tag && this.next();
    tag ||= this.tag;
    this.tag = tag;
    if (id === 0) id = this.last + 1;
    if (isCount(id)) this.last = id;
    let children = this.next();
    const attributes = Array.isArray(children) ? children : [];
    if (children === attributes) children = this.next();
    const isRight = typeof tag === "string" && id && (typeof id === "string" || isCount(id));
    expect(isRight && (typeof children === "string" || isCount(children)), tag);
    return { tag, id, attributes, children };
  }
}

/** Refuse what the protocol does not say. @param {unknown} isRight @param {unknown} item @returns {true} */
export function expect(isRight, item = "end") {
  if (!isRight) throw new Error(`unexpected ${item}`);
  return true;
}

/** @param {unknown} item */
function isCount(item) {
  return Number.isSafeInteger(item) && /** @type {number} */ (item) >= 0;
}
