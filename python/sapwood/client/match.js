// @ts-check
/**
 * Finds elements again that have other uuids now: the page is filled from another
 * session's tree, and what the user typed, opened and scrolled is to stay.
 *
 * Elements with an `id` are the same wherever it stands; others if they are the next
 * with that tag, name and type in the same place. Nothing else is guessed.
 */
import { splitTag } from "./namespace.js";
import { isLeaf, uuidOf } from "./nodes.js";

/** How many elements that are not wanted may stand before one that is. */
const REACH = 16;

/**
 * Return the element to use for one that is to come, if there is one.
 * *isTaken* says that an element has its place in the new tree already.
 * @param {Document} document
 * @param {import("./fill.js").Level | null} level without one, any place will do
 * @param {import("./reader.js").ElementNode} node
 * @param {(node: Node) => boolean} isTaken
 * @returns {Element | undefined}
 */
export function match(document, level, node, isTaken) {
  const id = attribute(node, "id");
  if (!level) return id ? byId(document, id, node.tag, isTaken) : undefined;
  if (id) return;
  const { namespace, tag } = splitTag(node.tag, level.parent);
  // What the server learned from a script is made by the same script, and has no uuid yet.
  const isForeign = String(node.id)[0] === "~";
  let reach = REACH;
  for (let old = level.cursor; old && reach; old = old.nextSibling) {
    if (isLeaf(old)) continue;
    const element = /** @type {Element} */ (old);
    if (!uuidOf(old) !== isForeign || isTaken(old)) continue;
    const isSame = element.localName === tag && element.namespaceURI === namespace && !element.id;
    if (isSame && ["name", "type"].every((name) => (element.getAttribute(name) ?? "") === attribute(node, name))) return element;
    reach--;
  }
}

/** @param {Document} document @param {string} id @param {string} written @param {(node: Node) => boolean} isTaken */
function byId(document, id, written, isTaken) {
  const element = document.getElementById(id);
  const tag = written.slice(written.indexOf(" ") + 1);
  return element?.localName === tag && uuidOf(element) && !isTaken(element) ? element : undefined;
}

/** @param {import("./reader.js").ElementNode} node @param {string} name */
function attribute({ attributes }, name) {
  for (let i = 0; i < attributes.length; i += 2) if (attributes[i] === name) return /** @type {string} */ (attributes[i + 1]);
  return "";
}
