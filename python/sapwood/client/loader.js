// @ts-check
/** Loads the second bundle, once; if that fails the next who needs it tries again. */

/** @typedef {typeof import("./more.js")} More */

/** Return what loads the module at *url*. @param {string} url @param {(url: string) => Promise<More>} [load] */
export function loader(url, load = (url) => import(url)) {
  let tries = 0;
  /** @type {Promise<More> | null} */
  let more = null;
  return () =>
    // Browsers may remember under its address that a module could not be loaded.
    (more ??= load(`${url}?${tries++}`).catch((error) => {
      more = null;
      throw error;
    }));
}
