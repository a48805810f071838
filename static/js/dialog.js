// The one dialog of a page. Whatever is swapped into its host is shown; it opens at once, with the figures' space
// reserved, because reading the registry takes a moment. Closing is told to focus.js by events.

const dialog = document.getElementById("dialog");
const host = document.getElementById("dialog-host");

function open(opener) {
  if (dialog.open) return;
  document.dispatchEvent(new CustomEvent("dialog-opening", { detail: { opener } }));
  dialog.showModal();
  focusCancel();
}

function focusCancel() {
  host.querySelector("[data-close]")?.focus();
}

function showTemplate(id) {
  host.replaceChildren(document.getElementById(id).content.cloneNode(true));
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const opener = event.target;
  if (event.detail.target !== host || host.contains(opener)) return;
  showTemplate("dialog-waiting");
  host.querySelector("[data-waiting-title]").textContent = opener.dataset.dialog ?? "";
  open(document.activeElement === document.body ? opener : document.activeElement);
});

// A choice that drew the dialog anew keeps the focus; htmx has put it there by its id. Else it goes to what is wrong.
host.addEventListener("htmx:afterSwap", () => {
  if (!dialog.open || host.contains(document.activeElement)) return;
  const wrong = host.querySelector("[aria-invalid=true]");
  if (wrong) wrong.focus();
  else focusCancel();
});

// An answer that comes after the dialog was cancelled must not fill it again.
host.addEventListener("htmx:beforeSwap", (event) => {
  if (!dialog.open) event.detail.shouldSwap = false;
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
  if (event.target.closest("[data-close]")) {
    event.preventDefault();
    dialog.close();
  }
});

dialog.addEventListener("close", () => {
  host.replaceChildren();
  document.getElementById("dialog-announcements").textContent = "";
  document.dispatchEvent(new CustomEvent("dialog-closed"));
});

document.addEventListener("dialog-done", () => dialog.close());

document.addEventListener("show-keys", () => {
  showTemplate("key-list");
  open(document.activeElement);
});
