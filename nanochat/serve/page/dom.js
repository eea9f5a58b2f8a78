// Elements made of names, attributes and children. Text goes in as text: nothing here reads HTML.

/**
 * @typedef {Record<string, string | number | boolean | ((event: Event) => void)>} Attributes
 */

/**
 * Make an element. An attribute that is a function listens to the event of that name; `true` is an attribute
 * without a value, and `false` none.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * The element of the page with this id, which must be there.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * A button that copies, and says so for a moment.
 *
 * @param {() => string} text
 * @param {string} label
 */
export function copyButton(text, label) {
  const button = make("button", { type: "button", class: "quiet small", "aria-label": label }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text())) ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

/**
 * Put a text on the clipboard; whether it worked. Browsers have `navigator.clipboard` only on this computer
 * or with https, so on another computer of the network the old way is used.
 *
 * @param {string} text
 */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    const worked = document.execCommand("copy");
    area.remove();
    if (before instanceof HTMLElement) before.focus();
    return worked;
  }
}
