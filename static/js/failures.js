// What is shown when no answer of ours comes: no connection, a time-out, or a proxy's page instead of a fragment.
// It stands where the answer would have stood in a dialog, else at the top of the page; it is never a toast.

const host = document.getElementById("dialog-host");
const trouble = document.getElementById("trouble");

function show(target, reason) {
  const place = target === host ? host : trouble;
  if (place === trouble && trouble.querySelector("[data-no-answer]")) return;  // whoever asks every second says it once
  const message = document.getElementById("no-answer").content.cloneNode(true);
  message.querySelector("[data-reason]").textContent = reason ? ` (${reason})` : "";
  message.querySelector("a").href = window.location.href;
  place.replaceChildren(message);
  place.querySelector("[data-close]")?.focus();
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  if (xhr.status >= 400 && xhr.getResponseHeader("X-Holystone") !== "fragment") {
    event.detail.shouldSwap = false;
    show(target, String(xhr.status));
    return;
  }
  if (trouble.querySelector("[data-no-answer]")) trouble.replaceChildren();
});

document.addEventListener("htmx:sendError", (event) => show(event.detail.target, ""));
document.addEventListener("htmx:timeout", (event) => show(event.detail.target, "no answer in time"));
