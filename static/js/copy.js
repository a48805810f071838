// Copies what a button carries in data-copy. Without TLS browsers offer no clipboard API, so the old way stands in.

const SHOWN_MS = 2000;

async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("the browser refused");
}

function confirm(button) {
  const use = button.querySelector("use");
  const icon = use.getAttribute("href");
  use.setAttribute("href", icon.replace(/#.*/, "#check"));
  button.classList.add("copied");
  setTimeout(() => {
    use.setAttribute("href", icon);
    button.classList.remove("copied");
  }, SHOWN_MS);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button || button.classList.contains("copied")) return;
  const announcements = document.getElementById("announcements");
  try {
    await copy(button.dataset.copy);
    confirm(button);
    announcements.textContent = "Copied.";
  } catch {
    announcements.textContent = "The browser did not let it be copied.";
    window.getSelection().selectAllChildren(button.previousElementSibling ?? button);
  }
  button.focus();
});
