// @ts-check
/**
 * Knows which form fields the user edited since they were last reported.
 *
 * For each edited field it also keeps the number of the first event that can
 * carry the latest edit: until the server has handled that one, what it sets
 * comes from before the edit and is dropped.
 */

/** @typedef {{ type: string, options: HTMLOptionElement[], form: HTMLFormElement | null } & Omit<HTMLInputElement, "type" | "form">} Field */
/** @typedef {string | boolean | string[]} Value */
/** @typedef {{ changed: Map<any, Value>, unreported: Map<any, Value>, report(c: number): Map<any, Value>, survey(c: number): void, carry(field: any, c: number): void, edit(field: any): void, holds(field: Element, name: string, c: number): boolean }} Reports what a connection asks of this */

export const FIELDS = "input,select,textarea";

export class Values {
  #document;
  #page;
  #count;
  /** @type {Set<Field>} */
  #edited = new Set();
  /** @type {WeakMap<object, number>} */
  #carriers = new WeakMap();
  /** @type {EventTarget | null} */
  #composing = null;

  /** *page* says what elements are called, *count* how many events there were.
   * @param {Document} document @param {Pick<import("./patch.js").Page, "has">} page @param {() => number} count */
  constructor(document, page, count) {
    this.#document = document;
    this.#page = page;
    this.#count = count;
    /** @param {string} type @param {(target: any, isTrusted: boolean) => void} run */
    const listen = (type, run) => document.addEventListener(type, ({ target, isTrusted }) => run(target, isTrusted), true);
    listen("input", (target) => this.edit(target));
    // The browser's own change says nothing that input did not; a script's may.
    listen("change", (target, isTrusted) => isTrusted || this.edit(target));
    // The fields of a form are reset after the event, not before.
    listen("reset", (form) => setTimeout(() => this.#all.forEach((field) => field.form === form && this.edit(field))));
    listen("compositionstart", (target) => (this.#composing = target));
    listen("compositionend", () => (this.#composing = null));
  }

  /** Note that the user changed a field. @param {any} target */
  edit(target) {
    if (!target.matches?.(FIELDS)) return;
    for (const field of target.type === "radio" ? this.#group(target) : [target]) {
      this.#carriers.set(field, this.#count() + 1);
      this.#edited.add(field);
    }
  }

  /** Note every field that is not as the HTML says, whoever changed it, except what an event
   * after *c* carries. @param {number} c */
  survey(c) {
    for (const field of this.changed.keys()) this.holds(field, "", c) || this.edit(field);
  }

  /** Note that event *c* carries what a field holds. @param {Field} field @param {number} c */
  carry(field, c) {
    this.#carriers.set(field, c);
    this.#edited.delete(field);
  }

  /** The values of the fields that are not as the HTML says, or were edited since they were reported. */
  get changed() {
    return this.#values(this.#all.filter((field) => isChanged(field) || this.#edited.has(field)));
  }

  /** The values of the edited fields. */
  get unreported() {
    return this.#values(this.#edited);
  }

  /** @param {Iterable<Field>} fields @returns {Map<Field, Value>} of those that the server knows */
  #values(fields) {
    return new Map([...fields].filter((field) => this.#page.has(field)).map((field) => [field, valueOf(field)]));
  }

  /** Return the values of the edited fields, for event *c*. @param {number} c */
  report(c) {
    const fields = this.unreported;
    for (const field of fields.keys()) this.#carriers.set(field, c);
    this.#edited.clear();
    return fields;
  }

  /** Say whether a property is the user's, in a frame that covers events up to *c*.
   * @param {Element} element @param {string} name @param {number} c */
  holds(element, name, c) {
    return (name === "value" && element === this.#composing) || /** @type {number} */ (this.#carriers.get(element)) > c;
  }

  /** All radio buttons that change when one does. @param {Field} radio */
  #group({ type, name, form }) {
    return this.#all.filter((other) => other.type === type && other.name === name && other.form === form);
  }

  /** @returns {any[]} */
  get #all() {
    return [...this.#document.querySelectorAll(FIELDS)];
  }
}

/** Returns what the server is told about a field. @param {Field} field @returns {Value} */
export function valueOf(field) {
  if (isBox(field)) return field.checked;
  if (field.files) return [...field.files].map((file) => file.name);
  if (!field.options || !field.multiple) return field.value;
  return [...field.options].filter((option) => option.selected).map((option) => option.value);
}

/** @param {Field} field */
function isChanged(field) {
  if (isBox(field)) return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== field.defaultValue;
  // A drop-down list of which no option is said to be selected shows the first.
  return [...field.options].some(
    ({ selected, defaultSelected, index }) => selected !== defaultSelected && (index || field.multiple),
  );
}

/** @param {Field} field */
function isBox({ type }) {
  return type === "checkbox" || type === "radio";
}
