// A figure as SVG, with all styles in it, and its data as CSV.

const CELL = /[",\r\n]/;
const csv = (rows) => rows.map((row) => row.map((cell) => { const text = cell == null ? "" : String(cell); return CELL.test(text) ? `"${text.replaceAll('"', '""')}"` : text; }).join(",")).join("\r\n") + "\r\n";

function download(name, type, text) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** All panels of a figure as on the screen, with heading and legend, as one SVG without a style sheet. */
function standalone(figure) {
  const held = figure.querySelector(".panels");
  const frame = held.getBoundingClientRect();
  const keys = [...figure.querySelectorAll(".legend > span")];
  const top = 34 + (keys.length ? 24 : 0);
  const [width, height] = [Math.ceil(frame.width), Math.ceil(frame.height) + top + 10];
  const whole = svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` });
  const page = getComputedStyle(document.body);
  whole.setAttribute("style", `font-family: ${page.fontFamily.replaceAll('"', "'")}; color: ${page.color}; background: ${page.backgroundColor}`);
  whole.setAttribute("fill", page.color);
  whole.append(svg("rect", { width, height, fill: page.backgroundColor }));
  const title = svg("text", { x: 4, y: 20, "font-size": 15, "font-weight": 600 });
  title.textContent = figure.querySelector("h3").textContent;
  whole.append(title);
  let x = 4;
  for (const key of keys) {
    const text = svg("text", { x: x + 30, y: 45, "font-size": 12 });
    text.textContent = key.textContent;
    const mark = inlined(key.querySelector("svg"));
    mark.setAttribute("x", x);
    mark.setAttribute("y", 34);
    whole.append(mark, text);
    x += key.getBoundingClientRect().width + 14;
  }
  const panels = [...held.querySelectorAll("svg")].filter((panel) => !panel.parentElement.closest("svg"));
  for (const panel of panels) {
    const place = panel.getBoundingClientRect();
    const copy = inlined(panel);
    copy.setAttribute("x", place.x - frame.x);
    copy.setAttribute("y", place.y - frame.y + top);
    whole.append(copy);
  }
  return new XMLSerializer().serializeToString(whole);
}

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity", "stroke-linecap", "font-size", "font-weight", "text-anchor", "opacity", "paint-order", "font-variant"];

/** A copy with values in place of the page's style variables. */
function inlined(original) {
  const copy = original.cloneNode(true);
  const [from, to] = [[original, ...original.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((node, i) => {
    if (node.tagName === "style") return;
    const style = getComputedStyle(node);
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (value && value !== "normal") to[i].setAttribute(name, value);
    }
    to[i].removeAttribute("class");
  });
  for (const style of copy.querySelectorAll("style")) style.remove();
  return copy;
}
