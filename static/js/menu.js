// What opens over the page, the account's menu and the fields of the filters, closes on a click beside it and on Esc, as menus do.

const menus = [...document.querySelectorAll(".menu, .filters")];

document.addEventListener("click", (event) => {
  menus.filter((menu) => !menu.contains(event.target)).forEach((menu) => { menu.open = false; });
});

document.addEventListener("keydown", (event) => {
  const open = menus.find((menu) => menu.open);
  if (event.key !== "Escape" || !open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
