// @ts-check
/**
 * Holds events back that an element wants less often: debounced or throttled.
 *
 * At most one is held, the latest; whatever else happens sends it first, so that
 * the server hears of all in their order.
 */

/** @typedef {[origin: Element, type: string, data: any]} Happened */

export class Delay {
  #connection;
  #environment;
  /** @type {Happened | null} */
  #held = null;
  /** @type {any} */
  #timer;
  /** When a throttled event was sent last. @type {WeakMap<Element, Record<string, number>>} */
  #sent = new WeakMap();

  /** @param {{ send(...happened: Happened): void }} connection
   * @param {Pick<Window, "setTimeout" | "clearTimeout" | "performance">} environment */
  constructor(connection, environment = window) {
    this.#connection = connection;
    this.#environment = environment;
  }

  /** Send an event, now or later; *owner* is the element with the handler.
   * @param {Element} origin @param {string} type @param {any} data @param {Element} owner */
  receive(origin, type, data, owner) {
    if (this.#held?.[0] !== origin || this.#held[1] !== type) this.flush();
    const ms = (/** @type {string} */ how) => Number(owner.getAttribute(`data-on${type}-${how}`));
    const now = this.#environment.performance.now();
    const since = now - (this.#sent.get(origin)?.[type] ?? -Infinity);
    const wait = ms("debounce") || ms("throttle") - since;
    this.#held = [origin, type, data];
    if (!(wait > 0)) return this.flush();
    this.#environment.clearTimeout(this.#timer);
    this.#timer = this.#environment.setTimeout(() => this.flush(), wait);
  }

  /** Send what is held. */
  flush() {
    if (!this.#held) return;
    const [origin, type] = this.#held;
    this.#environment.clearTimeout(this.#timer);
    this.#sent.set(origin, { ...this.#sent.get(origin), [type]: this.#environment.performance.now() });
    const held = this.#held;
    this.#held = null;
    this.#connection.send(...held);
  }
}
