// Where the focus goes when the dialog closes: back to what opened it, or, when that row was deleted, to the next
// row's trash can, else the previous one's, else the heading. A list that is drawn anew under somebody's hands keeps
// the focus on the same thing of the same row. Nobody is thrown back to the top of the page.

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

const FOCUSABLE = "a, button, input";
let place = null;

function listRows() {
  return [...document.querySelectorAll("#listing [data-row]")];
}

function address(row) {
  return row.querySelector("[data-open]").href;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  place = null;
  if (!event.target.matches("main *") || !event.target.contains(document.activeElement)) return;
  const row = document.activeElement.closest("#listing [data-row]");
  const within = [...row?.querySelectorAll(FOCUSABLE) ?? []].indexOf(document.activeElement);
  place = { address: row && address(row), row: listRows().indexOf(row), within };
});

document.addEventListener("htmx:afterSwap", () => {
  if (!place || document.activeElement !== document.body) return;
  const rows = listRows();
  const same = rows.find((row) => address(row) === place.address);
  const next = same?.querySelectorAll(FOCUSABLE)[place.within] ?? rows[place.row]?.querySelector("[data-open]");
  (next ?? document.querySelector("h1")).focus({ preventScroll: true });
});
