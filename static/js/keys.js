// '/' searches, the whole registry where the page has no list, 'j' and 'k' walk the rows, 'x' ticks one, 'Delete' asks about what is ticked, else about the row, '?'
// lists the keys. None fires in a field, and none at all where somebody has switched them off; then a button lists them.

const FIELDS = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]";

function rowLinks() {
  return [...document.querySelectorAll("[data-row] [data-open]")];
}

function row() {
  return document.activeElement.closest("[data-row]");
}

function step(by) {
  const links = rowLinks();
  const current = row()?.querySelector("[data-open]");
  const at = links.indexOf(current);
  const next = at < 0 ? links[0] : links[Math.min(Math.max(at + by, 0), links.length - 1)];
  next?.focus();
}

function search() {
  const field = document.querySelector("[data-search]");
  const page = document.querySelector("[data-search-page]");
  if (!field && page) window.location.assign(page.dataset.searchPage);
  field?.focus();
  field?.select();
}

function tick() {
  row()?.querySelector("[data-tick]")?.click();
}

function askToDelete() {
  const ofTicked = document.querySelector("#ticks:not([hidden]) [type=submit]");
  (ofTicked ?? row()?.querySelector(".trash"))?.click();
}

function showKeys() {
  document.dispatchEvent(new CustomEvent("show-keys"));
}

const actions = {
  "/": search,
  j: () => step(1),
  k: () => step(-1),
  x: tick,
  X: tick,
  Delete: askToDelete,
  "?": showKeys,
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show-keys]");
  if (!button) return;
  const menu = button.closest("details");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();  // the button is not there any more when the dialog closes
  }
  showKeys();
});

document.addEventListener("keydown", (event) => {
  if (document.documentElement.dataset.keys === "off") return;
  const isTyping = event.target.matches(FIELDS);
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.getElementById("dialog").open) return;
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
