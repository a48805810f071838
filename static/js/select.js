// Ticks in a list: ranges with shift, all on this page, and of tags all that match the filter. While there are any, a
// toolbar with their number stands in the place of the filter row.

const form = document.getElementById("ticks");
// A list that has no "all that match" has a switch that is never on.
const matching = form?.querySelector("[data-matching]") ?? { disabled: true };
const noun = form?.dataset.noun ?? "tag";
let anchor = null;
let kept = [];
let isShift = false;

function boxes() {
  return [...document.querySelectorAll("[data-tick]")];
}

function counted(number) {
  const digits = String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return `${digits} ${number === 1 ? noun : `${noun}s`}`;
}

function showHead(all, ticked) {
  const head = document.querySelector("[data-tick-all]");
  if (!head) return;
  head.hidden = false;
  head.checked = all > 0 && ticked === all;
  head.indeterminate = ticked > 0 && ticked < all;
}

function refresh() {
  const ticked = boxes().filter((box) => box.checked).length;
  const selectAll = document.getElementById("select-all");
  const isEverything = !matching.disabled;
  const number = isEverything ? Number(selectAll.dataset.count) : ticked;
  const words = counted(number);
  showHead(boxes().length, ticked);
  form.hidden = number === 0;
  form.querySelector("[data-selected]").textContent = `${words.split(" ")[0]} selected`;
  const of = form.dataset.repository ? ` of ${form.dataset.repository}` : "";
  for (const button of form.querySelectorAll("[type=submit]")) {
    const [verb, manner] = [button.dataset.verb ?? "Delete", button.dataset.manner ?? ""];
    button.textContent = `${verb} ${words}${manner}…`;
    button.dataset.asks = `${verb} ${words}${of}${manner}?`;
  }
  form.dataset.dialog = form.querySelector("[type=submit]").dataset.asks;
  if (!selectAll) return;
  selectAll.hidden = isEverything;
}

function tickAll(checked) {
  boxes().forEach((box) => { box.checked = checked; });
}

function tickFromAnchor(to) {
  const all = boxes();
  const ends = [all.indexOf(anchor), all.indexOf(to)].sort((a, b) => a - b);
  if (ends[0] < 0) return;
  all.slice(ends[0], ends[1] + 1).forEach((box) => { box.checked = to.checked; });
  document.getSelection().removeAllRanges();
}

function onClick(event) {
  const target = event.target;
  if (target.matches("[data-tick]")) {
    if (isShift) tickFromAnchor(target);
    anchor = target;
    matching.disabled = true;
  } else if (target.matches("[data-tick-all]")) {
    tickAll(target.checked);
    matching.disabled = true;
  } else if (target.matches("#select-all")) {
    tickAll(true);
    matching.disabled = false;
    form.querySelector("[type=submit]").focus();
  } else if (target.matches("[data-clear]")) {
    clear();
    boxes()[0]?.focus();
  } else if (target.matches("#ticks [type=submit]")) {
    form.dataset.dialog = target.dataset.asks;
    return;
  } else {
    return;
  }
  refresh();
}

function clear() {
  tickAll(false);
  matching.disabled = true;
  refresh();
}

function keep() {
  boxes().forEach((box) => { box.checked = !matching.disabled || kept.includes(box.value); });
  refresh();
}

if (form) {
  // A label's click does not say in every browser whether shift was held.
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, (event) => { isShift = event.shiftKey; }, { capture: true });
  }
  document.addEventListener("click", onClick);
  // Another filter begins without ticks; a list that a look in the background changed keeps them.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const isSame = event.detail.requestConfig.elt.id === "look";
    kept = isSame ? boxes().filter((box) => box.checked).map((box) => box.value) : [];
  });
  // Rows that came or left took their ticks with them.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "listing") refresh();
    else if (kept.length) keep();
    else clear();
  });
  document.addEventListener("dialog-done", () => {
    matching.disabled = true;
    refresh();
  });
  window.addEventListener("pageshow", refresh);
}
