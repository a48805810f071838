// '/' searches, 'j' and 'k' walk the rows, 'Delete' asks about the row, '?' lists the keys. None fires in a field.

function rowLinks() {
  return [...document.querySelectorAll("[data-row] [data-open]")];
}

function step(by) {
  const links = rowLinks();
  const current = document.activeElement.closest("[data-row]")?.querySelector("[data-open]");
  const at = links.indexOf(current);
  const next = at < 0 ? links[0] : links[Math.min(Math.max(at + by, 0), links.length - 1)];
  next?.focus();
}

function search() {
  const field = document.querySelector("[data-search]");
  field?.focus();
  field?.select();
}

const actions = {
  "/": search,
  j: () => step(1),
  k: () => step(-1),
  Delete: () => document.activeElement.closest("[data-row]")?.querySelector(".trash")?.click(),
  "?": () => document.dispatchEvent(new CustomEvent("show-keys")),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select, textarea, [contenteditable]");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.getElementById("dialog").open) return;
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
