// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { Delay } from "../../python/sapwood/client/delay.js";

/** Handlers that want to hear less, and a clock. */
class Desk {
  now = 0;
  /** @type {any[]} */ sent = [];
  /** @type {{ at: number, run: Function } | null} */ timer = null;
  delay = new Delay(
    { send: (origin, type, data) => this.sent.push([this.now, type, data]) },
    /** @type {any} */ ({
      setTimeout: (/** @type {Function} */ run, /** @type {number} */ ms) => (this.timer = { at: this.now + ms, run }),
      clearTimeout: (/** @type {any} */ timer) => timer === this.timer && (this.timer = null),
      performance: { now: () => this.now },
    }),
  );

  /** @param {Record<string, number>} attributes */
  element(attributes) {
    return /** @type {any} */ ({ getAttribute: (/** @type {string} */ name) => attributes[name] ?? null });
  }

  /** @param {any} element @param {string} type @param {any} data */
  happen(element, type, data) {
    this.delay.receive(element, type, data, element);
  }

  /** @param {number} ms */
  pass(ms) {
    const end = this.now + ms;
    while (this.timer && this.timer.at <= end) {
      const { at, run } = this.timer;
      this.timer = null;
      this.now = at;
      run();
    }
    this.now = end;
  }
}

test("an event that nobody wants later is sent at once", () => {
  const desk = new Desk();
  desk.happen(desk.element({}), "click", "a");
  assert.deepEqual(desk.sent, [[0, "click", "a"]]);
});

test("a debounced event is sent when there was no other for its time, the last one", () => {
  const desk = new Desk();
  const field = desk.element({ "data-oninput-debounce": 300 });
  for (const data of "abc") {
    desk.happen(field, "input", data);
    desk.pass(200);
  }
  assert.deepEqual(desk.sent, []);
  desk.pass(100);
  assert.deepEqual(desk.sent, [[700, "input", "c"]]);
});

test("a throttled event is sent at once, then once in its time, and the last one always", () => {
  const desk = new Desk();
  const box = desk.element({ "data-onscroll-throttle": 100 });
  for (const data of [1, 2, 3, 4, 5, 6]) {
    desk.happen(box, "scroll", data);
    desk.pass(40);
  }
  desk.pass(1000);
  assert.deepEqual(desk.sent, [[0, "scroll", 1], [100, "scroll", 3], [200, "scroll", 5], [300, "scroll", 6]]);
  desk.happen(box, "scroll", 7);
  assert.deepEqual(desk.sent.at(-1), [1240, "scroll", 7]);
});

test("any other event sends what is held first, also the same on another element", () => {
  const desk = new Desk();
  const [first, second] = [1, 2].map(() => desk.element({ "data-oninput-debounce": 300 }));
  desk.happen(first, "input", "a");
  desk.happen(second, "input", "b");
  desk.happen(second, "click", "c");
  assert.deepEqual(desk.sent.map(([, , data]) => data), ["a", "b", "c"]);
  desk.pass(1000);
  assert.equal(desk.sent.length, 3);
});

test("a page that is left sends what is held, once", () => {
  const desk = new Desk();
  desk.happen(desk.element({ "data-oninput-debounce": 300 }), "input", "a");
  desk.delay.flush();
  desk.pass(1000);
  assert.deepEqual(desk.sent, [[0, "input", "a"]]);
});
