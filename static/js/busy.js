// A pressed button keeps its width, says what it does ('Deleting…') and cannot be pressed twice.

function busyButton(form) {
  return form.querySelector("button[type=submit][data-busy]");
}

function start(form) {
  const button = busyButton(form);
  if (!button) return;
  button.style.minWidth = `${button.offsetWidth}px`;
  button.dataset.label = button.innerHTML;
  button.textContent = button.dataset.busy;
  button.setAttribute("aria-busy", "true");
}

function stop(form) {
  const button = busyButton(form);
  if (!button?.hasAttribute("aria-busy")) return;
  button.innerHTML = button.dataset.label;
  button.removeAttribute("aria-busy");
  button.style.minWidth = "";
}

document.addEventListener("submit", (event) => {
  if (busyButton(event.target)?.hasAttribute("aria-busy")) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else if (!event.submitter || event.submitter === busyButton(event.target)) {
    start(event.target);
  }
}, { capture: true });

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target instanceof HTMLFormElement) stop(event.target);
});

// A page that the browser brings back from its memory is not busy any more.
window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach(stop));
