// The page's elements by their id.

/** @template {HTMLElement} T
 * @param {string} id @param {new () => T} type
 * @returns {T} */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) {
    throw new Error(`index.html has no ${type.name} with the id ${id}`);
  }
  return found;
}
