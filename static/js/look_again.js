// The list of tags asks whether a look at them found anything. What was found is drawn in place, but no row moves under
// the pointer or behind a dialog: it waits until neither is there.

let isHeld = false;

function isInUse() {
  return document.getElementById("dialog").open || document.querySelector("#listing:hover") !== null;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "look" && isHeld && isInUse()) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, xhr } = event.detail;
  if (requestConfig.elt.id !== "look") return;
  isHeld = xhr.status === 200 && xhr.getResponseHeader("HX-Reswap") === null && isInUse();
  if (isHeld) event.detail.shouldSwap = false;
});
