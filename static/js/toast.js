// A toast leaves after eight seconds, but not while it is hovered or focused.

const SHOWN_MS = 8000;
const FADE_MS = 120;
const READER_LISTENS_MS = 500;
const toasts = document.getElementById("toasts");

function leave(toast) {
  if (toast.matches(":hover, :focus-within")) {
    setTimeout(leave, SHOWN_MS, toast);
    return;
  }
  toast.classList.add("leaving");
  setTimeout(() => toast.remove(), FADE_MS);
}

function welcome(toast) {
  setTimeout(leave, SHOWN_MS, toast);
}

toasts.querySelectorAll(".toast").forEach(welcome);

// What a page brings with it stands there before a reader listens: it is said again.
setTimeout(() => {
  const said = [...document.querySelectorAll(".toast p, #trouble p")].map((each) => each.textContent.trim());
  if (said.length) document.getElementById("announcements").textContent = said.join(" ");
}, READER_LISTENS_MS);

new MutationObserver((changes) => {
  changes.flatMap((change) => [...change.addedNodes])
    .filter((node) => node instanceof HTMLElement && node.matches(".toast"))
    .forEach(welcome);
}).observe(toasts, { childList: true });
