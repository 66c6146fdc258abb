// @ts-check
/** Loads the second bundle; if that fails the next who needs it tries again. */

/** @typedef {typeof import("./more.js")} More */

/** Return what loads the module at *url*. @param {string} url
 * @param {(url: string) => Promise<More>} [load] which brings a module that it brought before again */
export function loader(url, load = (url) => import(url)) {
  let failures = 0;
  // Browsers may remember under its address that a module could not be loaded.
  return () =>
    load(`${url}?${failures}`).catch((error) => {
      failures++;
      throw error;
    });
}
