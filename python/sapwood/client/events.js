// @ts-check
/**
 * Listens for the user, once per event type, at the window or, on the way down, the document.
 *
 * Which elements have handlers stands in the page: `_onclick`. An event that
 * does not bubble is caught on the way down and only counts where it happened;
 * what happens to the document or the window happened to the body, as in HTML.
 */

/** @typedef {Record<string, string | number | boolean>} EventData */

/**
 * Returns the function that starts to listen for a type of event.
 * @param {(origin: Element, type: string, data: EventData | null, owner: Element) => void} send
 */
export function delegate(send) {
  /** @type {Set<string>} */
  const types = new Set();
  return (/** @type {string} */ type) => {
    if (types.has(type)) return;
    types.add(type);
    // Scrolling by touch or wheel must not wait for us, so we promise not to prevent it.
    const passive = type !== "click" && type !== "submit";
    const handle = (/** @type {Event} */ event) => receive(event, send);
    addEventListener(type, handle, { passive });
    // Not at the window as well: Chromium sends no mouseenter for that alone.
    document.addEventListener(type, (event) => event.bubbles || handle(event), true);
  };
}

/** @param {any} event @param {Parameters<typeof delegate>[0]} send */
function receive(event, send) {
  const { type, bubbles } = event;
  const target = event.target.closest ? event.target : document.body;
  const origin = target.closest("[uuid]");
  const owner = origin?.closest(`[_on${CSS.escape(type)}]`);
  if (!owner || !(bubbles || owner === target) || target.closest("[data-sapwood-status]")) return;
  if (staysHere(event, target)) event.preventDefault();
  send(origin, type, collect(event), owner);
}

/** Says whether the browser must not leave the page, or the place in it, for an event that is sent.
 * @param {any} event @param {Element} target */
function staysHere(event, target) {
  // A dialog's form closes the dialog and leaves no page.
  if (event.type === "submit") return (event.submitter?.formMethod || event.target.method) !== "dialog";
  if (event.type !== "click" || hasModifier(event)) return false;
  // A link to nowhere is a button.
  return /^#?$/.test(target.closest("a[href]")?.getAttribute("href") ?? "a");
}

const NAMES =
  "altKey ctrlKey metaKey shiftKey key code repeat clientX clientY offsetX offsetY button buttons deltaX deltaY".split(" ");
const MODIFIERS = NAMES.slice(0, 4);

/** @param {any} event */
function hasModifier(event) {
  return MODIFIERS.some((name) => event[name]);
}

/** Returns what the DOM says about an event, without what is false or empty.
 * @param {any} event @returns {EventData | null} */
export function collect(event) {
  const { type, detail, submitter, changedTouches } = event;
  const isClick = type === "click";
  if (isClick && detail < 2 && !hasModifier(event)) return null;
  /** @type {EventData} */
  const data = {};
  for (const name of isClick || event instanceof CustomEvent ? ["detail", ...NAMES] : NAMES) {
    const value = event[name] ?? changedTouches?.[0]?.[name];
    if (value === 0 || (value && typeof value !== "object")) data[name] = value;
  }
  if (submitter?.name) data.submitter = submitter.getAttribute("uuid");
  return Object.keys(data).length ? data : null;
}
