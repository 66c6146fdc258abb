// @ts-check
/** Loads the second bundle; if that fails the next who needs it tries again. */

/** @typedef {typeof import("./more.js").default} More */

/** Return what loads the module at *url*. @param {string} url
 * @param {(url: string) => Promise<More>} [load] which brings what it brought before again */
export function loader(url, load = async (url) => (await import(url)).default) {
  let failures = 0;
  // Browsers may remember under its address that a module could not be loaded.
  return () =>
    load(`${url}?${failures}`).catch((error) => {
      failures++;
      throw error;
    });
}
