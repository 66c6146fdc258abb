// @ts-check
/**
 * Applies patches to the document.
 *
 * Elements are found by id in a Map that every op keeps right; texts and
 * comments by their index among the nodes that the server knows.
 */
import { insert } from "./build.js";
import { container, isLeaf, uuidOf } from "./nodes.js";
import { expect, Reader } from "./reader.js";

/** @typedef {import("./loader.js").More} More */

/** A handler that is not to hear of every event. */
const DELAY = /^data-on.+-(deb|thr)/;

/** The document as the server knows it. */
export class Page {
  /** @type {Map<string, Element>} */
  elements = new Map();

  /** What fields will hold, and then what is to be called, when all else is done: a select needs
   * its options first, scrolling a layout. @type {[Element, string, any?, boolean?][]} */
  properties = [];

  /** What the ids of this server process begin with in the page. */
  idPrefix;
  #listen;
  #holds;
  /** What was selected before the patch moved anything. @type {any} */
  #selected;

  /** The second bundle, when it is there. @type {More | undefined} */
  more;

  /** What lets styles and scripts count. */
  nonce = document.currentScript?.nonce ?? "";

  /** Some handler wants to hear less often. */
  isDelayed = false;

  /** Foreign elements that the server was told of, by the uuids made for them. @type {Map<string, Element>} */
  told = new Map();

  /** Finds the element that is plainly the one to come, while the page is filled from another
   * session's tree, in which no id is known. @type {More["findMatch"] | undefined} */
  match;

  /** True while focus is being put back: no event of that is the user's. */
  restoring = false;

  /**
   * *listen* hears of every event type that an element has handlers for;
   * *holds* says whether a property is the user's, in a frame that covers events up to *c*.
   * @param {Document} document
   * @param {string} prefix
   * @param {{ listen?: (type: string) => void, holds?: (element: Element, name: string, c: number) => boolean }} hooks
   */
  constructor(document, prefix, { listen, holds } = {}) {
    this.document = document;
    this.idPrefix = prefix;
    this.#listen = listen;
    this.#holds = holds;
    for (const element of stamped(document)) {
      this.elements.set(uuidOf(element), element);
      for (const { name } of element.attributes) this.#hear(name);
    }
  }

  /** Apply the ops of one patch, sent when events up to *c* were handled. @param {unknown[]} ops @param {number} c */
  apply(ops, c = Infinity) {
    const reader = new Reader(ops);
    this.properties = [];
    this.#selected = undefined;
    try {
      while (!reader.isDone) this.#step(reader);
      const selected = this.#selected;
      if (selected?.isMoved) /** @type {any} */ (this.document.getSelection()).setBaseAndExtent(...selected);
      for (const [element, name, value, isCall] of this.properties) {
        if (isCall) /** @type {any} */ (element)[name](...value);
        else if (!this.#holds?.(element, name, c)) this.#need().setOwned(element, name, value);
      }
    } catch (error) {
      throw new Error(`${reader.position}: ${error}`);
    }
  }

  /** @param {Reader} reader */
  #step(reader) {
    const op = reader.next();
    const node = this.#node(reader.next());
    const element = /** @type {Element} */ (node);
    const inside = container(node);
    switch (op) {
      case 0:
        return this.#setText(inside, reader.string());
      case 1:
        childAt(inside, reader.count()).nodeValue = reader.string();
        return;
      case 2:
        return this.setAttribute(element, reader.string(), reader.string());
      case 3:
        return this.#drop(element, reader.string());
      case 4:
      case 11:
        return this.properties.push([element, reader.string(), reader.next(), op > 4]);
      case 5: {
        const before = this.#before(inside, reader.next());
        const count = reader.count();
        // What scripts made comes back.
        if (this.told.size) return new (this.#need().Filling)(this, reader).insert(node, count, before);
        return insert(this, reader, node, count, before);
      }
      case 6:
        this.forget(node);
        return element.remove();
      case 7:
        return childAt(inside, reader.count()).remove();
      case 8: {
        const parent = container(this.#node(reader.next()));
        return this.place(element, parent, this.#before(parent, reader.next()));
      }
      case 9:
        return this.#need().replaceTag(this, element, reader.string(), reader.next());
      case 10:
        return new (this.#need().Filling)(this, reader).refill(node, reader.count());
      default:
        expect(false, `op ${op}`);
    }
  }

  /** @param {number | string} id */
  uuid(id) {
    return typeof id === "number" ? this.idPrefix + id.toString(36) : id;
  }

  /** Say whether an element is in the page and the server knows it. @param {Element | string} target */
  has(target) {
    return this.elements.get(uuidOf(target)) === target;
  }

  /** Whether the second bundle is needed from the start: for what is not HTML or a script added,
   * for handlers that want to hear less, for browsers that move nodes without what is in them. */
  get needsMore() {
    const { body } = this.document;
    return this.isDelayed || !("moveBefore" in body) || !!body.querySelector("svg,math,[uuid]>:not([uuid],script,[data-sapwood-ignore])");
  }

  /** Return what an element, or one with a uuid, is called on the wire. @param {Element | string} target */
  id(target) {
    const uuid = uuidOf(target);
    const counter = parseInt(uuid.slice(this.idPrefix.length), 36);
    return counter > 0 && this.uuid(counter) === uuid ? counter : uuid;
  }

  /** Take a node and all that is in it out of the Map. @param {Node} root */
  forget(root) {
    for (const element of stamped(root)) {
      const uuid = uuidOf(element);
      if (this.elements.get(uuid) === element) this.elements.delete(uuid);
    }
  }

  /** @param {Element} element @param {string} name @param {any} value */
  setAttribute(element, name, value) {
    expect(typeof value === "string", value);
    this.#hear(name);
    if (element.getAttribute(name) === value || this.more?.setForeign(element, name, value)) return;
    try {
      element.setAttribute(name, value);
    } catch {
      // The parser takes names like `@click` that older browsers refuse here;
      // an element without it is better than a page that cannot go on.
    }
  }

  /** Return the second bundle, which was loaded when the frame came. @returns {More} */
  #need() {
    expect(this.more, "frame");
    return /** @type {More} */ (this.more);
  }

  /** Move a node with its focus, selection, scrolling and frames, as far as the browser can.
   * @param {Node} node @param {Node} parent @param {Node | null} before */
  place(node, parent, before) {
    const range = /** @type {any} */ (this.document.getSelection());
    // Asking makes the browser lay the page out, so ask once in a patch.
    const selected = (this.#selected ??= [range.anchorNode, range.anchorOffset, range.focusNode, range.focusOffset]);
    this.restoring = true;
    try {
      /** @type {any} */ (parent).moveBefore(node, before);
    } catch {
      // The browser has no moveBefore, or one of the two is in no document.
      if (this.more) this.more.insertFocused(node, parent, before);
      else parent.insertBefore(node, before);
    } finally {
      this.restoring = false;
    }
    // What is selected in a field is not in a text of the page.
    if (node.contains(selected[0]) && isLeaf(selected[0])) selected.isMoved = true;
  }

  /** @param {Element} element @param {string} name */
  #drop(element, name) {
    if (name[0] !== ".") element.removeAttribute(name);
    else this.properties.push([element, name.slice(1)]);
  }

  /** @param {string} name */
  #hear(name) {
    if (name.startsWith("_on")) this.#listen?.(name.slice(3));
    this.isDelayed ||= DELAY.test(name);
  }

  /** Find a node; 0 is the document. @param {any} id @returns {Element | Document} */
  #node(id) {
    const node = id === 0 ? this.document : this.elements.get(this.uuid(id));
    expect(node, id);
    return /** @type {Element} */ (node);
  }

  /** @param {Node} parent @param {any} id */
  #before(parent, id) {
    if (typeof id === "number" && id < 0) return childAt(parent, -1 - id);
    return id === 0 ? null : this.#node(id);
  }

  /** @param {Node} inside @param {string} text */
  #setText(inside, text) {
    const first = inside.firstChild;
    if (text && first?.nodeType === 3 && !first.nextSibling) {
      // The same text node goes on, and a selection in it stays.
      first.nodeValue = text;
      return;
    }
    for (const child of inside.childNodes) this.forget(child);
    inside.textContent = text;
  }
}

/** Walks all elements with a uuid, those in templates too. @param {Node} root */
function* stamped(root) {
  const roots = [root];
  for (const each of roots) {
    for (const node of [each, .../** @type {Element} */ (each).querySelectorAll?.("[uuid]") ?? []]) {
      const inside = container(node);
      if (inside !== node) roots.push(inside);
      if (uuidOf(node)) yield /** @type {Element} */ (node);
    }
  }
}

/** Finds a text or comment by its index; elements without a uuid do not count.
 * @param {Node} parent @param {number} index */
function childAt(parent, index) {
  for (let child = /** @type {any} */ (parent.firstChild); child; child = child.nextSibling) {
    if ((isLeaf(child) || uuidOf(child)) && index-- === 0) return expect(isLeaf(child)) && child;
  }
  return expect(false, "index");
}
