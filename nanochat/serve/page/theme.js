// Light or dark, set before anything is painted: this is the one script that the page waits for.
// Without a choice of the reader's, the page follows the system.

(() => {
  const KEY = "nanochat.theme";
  const root = document.documentElement;

  /** @returns {"light" | "dark"} */
  function shown() {
    if (root.dataset["theme"] === "dark") return "dark";
    if (root.dataset["theme"] === "light") return "light";
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  try {
    const kept = localStorage.getItem(KEY);
    if (kept === "light" || kept === "dark") root.dataset["theme"] = kept;
  } catch {
    // A browser that keeps nothing: the system's colours, then.
  }

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const name = () => {
      button.textContent = shown() === "dark" ? "Light" : "Dark";
      button.setAttribute("aria-label", `Show the page in ${shown() === "dark" ? "light" : "dark"} colours`);
    };
    button.addEventListener("click", () => {
      const next = shown() === "dark" ? "light" : "dark";
      root.dataset["theme"] = next;
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // It holds until the page is closed.
      }
      name();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
    name();
  });
})();
