// Where the focus goes when the dialog closes: back to what opened it, or, when that row was deleted, to the next
// row's trash can, else the previous one's, else the heading. Nobody is thrown back to the top of the page.

let candidates = [];

document.addEventListener("dialog-opening", ({ detail: { opener } }) => {
  const row = opener.closest("[data-row]");
  const rows = row ? [...row.parentElement.querySelectorAll("[data-row]")] : [];
  const at = rows.indexOf(row);
  const nearest = [...rows.slice(at + 1), ...rows.slice(0, Math.max(at, 0)).reverse()];
  candidates = [opener, ...nearest.map((each) => each.querySelector(".trash") ?? each.querySelector("[data-open]"))];
});

document.addEventListener("dialog-closed", () => {
  const next = candidates.find((each) => each?.isConnected && each !== document.body);
  (next ?? document.querySelector("h1")).focus();
  candidates = [];
});
