// What cannot be read on a page, or in its dialog: what stands outside the window, or is cut without being said elsewhere.
() => {
  const MAY_BE_CUT = ".visually-hidden, svg, option, .places, .cut-start, .rows thead, [title]";
  const MAY_SCROLL = ["visible", "auto", "scroll"];
  const root = document.documentElement;
  const found = root.scrollWidth > root.clientWidth ? ["it scrolls sideways"] : [];

  function isWords(element) {
    return element.matches("input, button, select")
      || [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  }

  function isOutside(element) {
    const { left, right } = element.getBoundingClientRect();
    return isWords(element) && !element.closest("pre, code") && (left < -1 || right > root.clientWidth + 1);
  }

  function isCut(element) {
    const { overflowX, overflowY, clipPath } = getComputedStyle(element);
    if (clipPath !== "none") return false;  // it is there for readers only
    const saysAll = element.querySelector("[title]");
    const isCutAtRight = !MAY_SCROLL.includes(overflowX) && !saysAll && element.scrollWidth > element.clientWidth + 1;
    return isCutAtRight || (overflowY === "hidden" && element.scrollHeight > element.clientHeight + 1);
  }

  for (const element of (document.querySelector("dialog[open]") ?? document.body).querySelectorAll("*")) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.closest(MAY_BE_CUT)) continue;
    const name = `${element.tagName} ${element.className} ${element.textContent.trim().slice(0, 40)}`;
    if (isOutside(element)) found.push(`outside: ${name}`);
    else if (isCut(element)) found.push(`cut: ${name}`);
  }
  return found;
}
