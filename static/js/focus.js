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
  const row = opener.closest("[data-row]");
  const rows = row ? [...row.parentElement.querySelectorAll("[data-row]")] : [];
  const at = rows.indexOf(row);
  nearestRows = [...rows.slice(at + 1), ...rows.slice(0, Math.max(at, 0)).reverse()];
});

document.addEventListener("dialog-closed", () => {
  const next = opener.isConnected ? opener : nearestRows.map(trashCan).find(Boolean);
  (next ?? document.querySelector("h1"))?.focus();
});
