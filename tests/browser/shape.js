// @ts-check
/**
 * What tests compare of a page: nested lists, the same as shape.py makes of a template.
 *
 * An element is `[namespace and tag, attributes, children]`, a text a string, a
 * comment `["#", string]`. The value of an `_on…` attribute is none of the browser's.
 */
import { RARE } from "/client/connection.js";
import more from "/client/more.js";
import { Page } from "/client/patch.js";

const NAMESPACES = { "http://www.w3.org/2000/svg": "svg ", "http://www.w3.org/1998/Math/MathML": "math " };

/** @param {any} node @returns {any} */
export function shapeOf(node) {
  if (node.nodeType === 3) return node.data;
  if (node.nodeType === 8) return ["#", node.data];
  const inside = node.localName === "template" && node.content ? node.content : node;
  const children = [...inside.childNodes].filter(({ nodeType }) => nodeType !== 10).map(shapeOf);
  if (node.nodeType === 9) return children;
  const prefix = NAMESPACES[node.namespaceURI] ?? "html ";
  return [prefix + node.localName, attributesOf(node), children];
}

/** Say where two shapes part; nothing if they do not. @param {unknown} is @param {unknown} should */
export function difference(is, should) {
  const [a, b] = [JSON.stringify(is), JSON.stringify(should)];
  if (a === b) return "";
  let at = 0;
  while (a[at] === b[at]) at++;
  const around = (/** @type {string} */ text) => text.slice(Math.max(0, at - 150), at + 150);
  return `is     …${around(a)}\n    should …${around(b)}`;
}

/** @param {Element} element */
function attributesOf(element) {
  const listed = [...element.attributes].map(({ name, namespaceURI, value }) => {
    // The parser gives `xmlns` a namespace, which nothing depends on.
    const namespace = namespaceURI?.match(/xlink|XML.*namespace/) ? `{${namespaceURI}}` : "";
    return [namespace + name, value];
  });
  return compared(listed);
}

/** @param {[string, unknown][]} attributes */
function compared(attributes) {
  const seen = attributes.map(([name, value]) => [name, name.startsWith("_on") ? "" : value]);
  return seen.sort((a, b) => (/** @type {string} */ (a[0]) < /** @type {string} */ (b[0]) ? -1 : 1));
}

/** Return a document in a frame, where elements live as they do in a page. @param {string} html @returns {Document} */
export function documentOf(html) {
  const frame = document.createElement("iframe");
  document.body.append(frame);
  const inside = /** @type {Document} */ (frame.contentDocument);
  inside.open();
  inside.write(html);
  inside.close();
  return inside;
}

/** @param {Document} page */
export function close(page) {
  page.defaultView?.frameElement?.remove();
}

/** What a field holds, as properties of the server say it. @param {any} field @param {string} name */
function held(field, name) {
  if (name !== "value" || !field.multiple || !field.options) return field[name];
  return [...field.selectedOptions].map((option) => option.value);
}

/** @param {any} field @param {string} name @param {any} value */
function hold(field, name, value) {
  if (!Array.isArray(value)) field[name] = value;
  else for (const option of field.options) option.selected = value.includes(option.value);
}

/** Return a document as the client has it, with all that it may load. @param {Document} document @param {string} prefix */
function pageOf(document, prefix) {
  return Object.assign(new Page(document, prefix), { more });
}

/** Apply ops as the client would: without the second bundle, unless the frame says that it needs it.
 * @param {Page} page @param {unknown[]} ops */
function apply(page, ops) {
  page.more = page.needsMore || RARE.test(JSON.stringify([1, 0, ...ops])) ? more : undefined;
  page.apply(ops);
  page.more = more;
}

/** @param {Page} page @param {Record<string, object>} [properties] */
function properties(page, properties = {}) {
  return Object.entries(properties).flatMap(([uuid, values]) =>
    Object.entries(values).map(([name, value]) => ({ field: page.elements.get(uuid), uuid, name, value })),
  );
}

const METHODS = ["focus", "blur", "click", "select", "scrollIntoView", "setSelectionRange"];

/** Note which methods are called on elements of a document, instead of calling them. @param {Document} page */
function listenTo(page) {
  const calls = /** @type {any[]} */ ([]);
  const { Element, HTMLElement, HTMLInputElement, SVGElement } = /** @type {any} */ (page.defaultView);
  for (const { prototype } of [Element, HTMLElement, HTMLInputElement, SVGElement])
    for (const method of METHODS)
      if (Object.hasOwn(prototype, method))
        prototype[method] = function (/** @type {unknown[]} */ ...args) {
          calls.push([this.getAttribute("uuid"), method, args]);
        };
  return calls;
}

/** Take out of a document what a vector says is not shown. @param {Document} page @param {string[]} [uuids] */
function hide(page, uuids = []) {
  for (const uuid of uuids) page.querySelector(`[uuid="${CSS.escape(uuid)}"]`)?.remove();
}

/** Carry out a vector of the corpus; return what is wrong, if anything. @param {any} vector @param {string} prefix */
export function checkDifference(vector, prefix) {
  const from = documentOf(vector.from);
  const to = documentOf(vector.to);
  try {
    hide(from, vector.from_hidden);
    hide(to, vector.to_hidden);
    const page = pageOf(from, prefix);
    for (const { field, name, value } of properties(page, vector.from_properties)) hold(field, name, value);
    const calls = listenTo(from);
    apply(page, vector.ops);
    const shown = { ...vector.shown, ...vector.to_properties };
    const goal = pageOf(to, prefix);
    const called = (vector.to_calls ?? []).filter(([uuid]) => goal.elements.has(uuid));
    const is = [shapeOf(from), properties(page, shown).map(({ field, name }) => held(field, name)), known(page), calls];
    const should = [shapeOf(to), properties(page, shown).map(({ value }) => value), known(goal), called];
    return difference(is, should);
  } catch (error) {
    return String(error);
  } finally {
    close(from);
    close(to);
  }
}

/** The uuids by which the page finds elements: no more and no fewer than there are. @param {Page} page */
export function known(page) {
  const strays = [...page.elements].filter(([uuid, element]) => element.getAttribute("uuid") !== uuid);
  return [[...page.elements.keys()].sort(), strays.map(([uuid]) => uuid)];
}

/** Objects that all objects share, and what they have. */
function shared() {
  const all = [Object, Array, String, Number, Map, Function, Element, Node, HTMLElement];
  return JSON.stringify(all.flatMap((each) => [Object.getOwnPropertyNames(each), Object.getOwnPropertyNames(each.prototype)]));
}

/** Carry out ops that must be refused; return what is wrong, if anything. @param {any} vector @param {string} prefix */
export function checkRefusal(vector, prefix) {
  const from = documentOf(vector.from);
  const before = shared();
  try {
    pageOf(from, prefix).apply(vector.ops);
    return `was not refused, but made ${JSON.stringify(shapeOf(from))}`;
  } catch (error) {
    if (!/^Error: \d+: /.test(String(error))) return `no refusal: ${error}`;
    return shared() === before ? "" : "changed what all objects share";
  } finally {
    close(from);
  }
}

/** Read HTML as a page's; return what is wrong with what it becomes, if anything. @param {any} vector */
export function checkRendering(vector) {
  const page = documentOf(`<!DOCTYPE html><body>${vector.html}</body>`);
  const [is] = [...page.body.childNodes].map(described);
  close(page);
  const should = sorted(vector.parsed ?? vector.tree);
  return difference(is, should);
}

/** @param {any} node @returns {any} */
function described(node) {
  const shape = shapeOf(node);
  if (!Array.isArray(shape)) return shape;
  const inside = node.localName === "template" ? node.content : node;
  return [node.localName, shape[1], ...[...inside.childNodes].map(described)];
}

/** @param {any} tree @returns {any} */
function sorted(tree) {
  if (typeof tree === "string") return tree;
  const [tag, attributes, ...children] = tree;
  return [tag, compared(Object.entries(attributes)), ...children.map(sorted)];
}

/** The elements that a page finds, and their tags. @param {Page} page @returns {Map<string, { element: Element, tag: string }>} */
function elementsOf(page) {
  return new Map([...page.elements].map(([uuid, element]) => [uuid, { element, tag: element.namespaceURI + element.localName }]));
}

/** Elements that were made anew though they could have stayed, with their focus. @param {ReturnType<typeof elementsOf>} before @param {ReturnType<typeof elementsOf>} after */
function lost(before, after) {
  return [...after].filter(([uuid, { element, tag }]) => before.get(uuid)?.tag === tag && before.get(uuid)?.element !== element);
}

/** Lead a page through its versions; return where it went wrong, if anywhere. @param {any} life @param {string} prefix */
export function checkLife({ html, steps }, prefix) {
  const page = pageOf(documentOf(html), prefix);
  try {
    for (const [number, step] of steps.entries()) {
      const before = elementsOf(page);
      const fail = (/** @type {string} */ what) => `step ${number}, ${JSON.stringify(step.ops)}:\n    ${what}`;
      try {
        apply(page, step.ops);
      } catch (error) {
        return fail(String(error));
      }
      const values = step.properties.map(([uuid, name]) => [uuid, name, held(page.elements.get(uuid), name)]);
      const is = [shapeOf(page.document), values, known(page)];
      const wrong = difference(is, [step.shape, step.properties, known(pageOf(page.document, prefix))]);
      if (wrong) return fail(wrong);
      const anew = lost(before, elementsOf(page));
      if (anew.length) return fail(`made anew: ${anew.map(([uuid, { tag }]) => `${tag} ${uuid}`)}`);
    }
    return "";
  } finally {
    close(page.document);
  }
}
