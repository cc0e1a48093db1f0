// The page: tables at once, then the figures, one after the other.

function figureOf(described) {
  const { id, kind, title, look, shows, data } = described;
  const state = {};
  const panels = element("div", { class: "panels", role: "img", "aria-label": `${title}. ${look} ${shows}` });
  const keys = element("div", { class: "legend" });
  const controls = element("div", { class: "controls" });
  const saveSvg = element("button", { type: "button" }, "Save SVG");
  const saveCsv = element("button", { type: "button" }, "Save CSV");
  const caption = element("figcaption", {}, element("p", { class: "look" }, look), element("p", { class: "shows" }, shows));
  const figure = element("figure", { id, "data-kind": kind, "aria-labelledby": `${id}-heading` }, element("h3", { id: `${id}-heading` }, title), controls, keys, panels, caption, element("div", { class: "save" }, saveSvg, saveCsv));
  let drawnAt = 0;
  const draw = (again = false) => {
    const width = Math.max(240, Math.floor(panels.getBoundingClientRect().width));
    if (!again && width === drawnAt) return;
    drawnAt = width;
    const drawn = drawers[kind](data, width, state);
    panels.replaceChildren(...drawn.panels);
    keys.replaceChildren(...legend(drawn.legend ?? []));
    // Controls stay, so that typing into one is not interrupted.
    if (!controls.hasChildNodes()) controls.append(...(drawn.controls ?? []));
  };
  state.redraw = (change) => {
    Object.assign(state, change);
    draw(true);
  };
  saveSvg.addEventListener("click", () => download(`${id}.svg`, "image/svg+xml", standalone(figure)));
  saveCsv.addEventListener("click", () => download(`${id}.csv`, "text/csv", csv(tables[kind](data, state))));
  return { figure, draw };
}

function showFigures() {
  const contents = document.getElementById("contents");
  const all = report.figures.map((described) => {
    const made = figureOf(described);
    document.getElementById(described.section).append(made.figure);
    contents.append(element("a", { href: `#${described.id}` }, described.title));
    return made;
  });
  const drawAll = () => all.forEach(({ draw }) => draw());
  // One figure at a time, in the page's order.
  const waiting = [...all];
  const next = () => {
    const one = waiting.shift();
    if (!one) {
      document.documentElement.dataset.drawn = "all";
      return;
    }
    one.draw();
    setTimeout(next, 0);
  };
  next();
  addEventListener("beforeprint", drawAll);
  let resized;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(drawAll, 150);
  });
}

document.title = `${report.title} · warpnuts`;
document.getElementById("title").textContent = report.title;
showSummary();
if (report.figures.length) showFigures();
for (const section of ["figures", "checks"]) document.getElementById(section).hidden = !report.figures.some((figure) => figure.section === section);
