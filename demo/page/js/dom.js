// Elements from values. Text stays text: nothing here parses markup, so a post cannot become any.

/** @typedef {Node | string | number | null | undefined | false | readonly unknown[]} Child */

/**
 * An element. Of `props`, functions named `on…` are listeners, `true` and `false` are attributes that are there or not,
 * and everything else is an attribute.
 * @param {string} tag @param {Record<string, unknown>} [props] @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) put(element, name, value);
  return fill(element, ...children);
}

/** @param {string} tag @param {Record<string, unknown>} [props] @param {...Child} children @returns {SVGElement} */
export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) put(element, name, value);
  return fill(element, ...children);
}

/**
 * Replace what is inside. @template {Element} T @param {T} element @param {...Child} children @returns {T}
 */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** @param {Child[]} children @returns {(Node | string)[]} */
function flat(children) {
  return children.flat(Infinity).flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    return [child instanceof Node ? child : String(child)];
  });
}

/** @param {Element} element @param {string} name @param {unknown} value */
function put(element, name, value) {
  if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  else if (value === true) element.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
}

/** @template {Element} [T=HTMLElement] @param {string} id @returns {T} */
export function byId(id) {
  return /** @type {T} */ (/** @type {unknown} */ (document.getElementById(id)));
}
