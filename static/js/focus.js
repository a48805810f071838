// Where the focus goes when the dialog closes: back to what opened it, or, when that row was deleted, to the next
// row's trash can, else the previous one's, else the heading. Nobody is thrown back to the top of the page.

let opener = null;
let nearestRows = [];

function trashCan(row) {
  // By its id, since an answer may have drawn the row anew.
  const current = document.getElementById(row.id);
  return current?.querySelector(".trash");
}

document.addEventListener("dialog-opening", (event) => {
  opener = event.detail.opener;
  const rows = [...document.querySelectorAll("[data-row]")];
  const ticked = rows.filter((row) => row.querySelector("[data-tick]:checked"));
  const at = rows.indexOf(opener.closest("[data-row]") ?? ticked.at(-1));
  nearestRows = [...rows.slice(at + 1), ...rows.slice(0, Math.max(at, 0)).reverse()];
});

document.addEventListener("dialog-closed", () => {
  const isShown = opener.getClientRects().length > 0;  // the toolbar goes with what was ticked
  const next = isShown ? opener : nearestRows.map(trashCan).find(Boolean);
  (next ?? document.querySelector("h1"))?.focus();
});
