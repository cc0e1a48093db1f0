// Tables, verdict and settings, above the figures.

function table({ header, rows }, title, slots) {
  const head = element("tr", {}, ...header.map((cell) => {
    const made = element("th", { scope: "col" });
    if (slots?.has(cell)) made.append(element("span", { class: "swatch", style: `background: ${colour(slots.get(cell))}` }));
    made.append(cell);
    return made;
  }));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell, i) => (i ? element("td", {}, cell) : element("th", { scope: "row", title: cell }, cell)))));
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, element("table", {}, element("caption", {}, title), element("thead", {}, head), element("tbody", {}, ...body)));
}

function facts(run, several) {
  const rows = run.facts.map(([name, value]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)));
  return element("details", {}, element("summary", {}, `Settings and versions${several ? `, ${run.name}` : ""}`), element("table", { class: "facts" }, element("tbody", {}, ...rows)));
}

function showSummary() {
  const { summary, omitted } = report;
  const place = document.getElementById("summary");
  const slots = new Map(summary.runs.map((run) => [run.name, run.slot]));
  const several = summary.runs.length > 1;
  if (summary.comparison) place.append(table(summary.comparison, "The runs side by side", slots));
  for (const paragraph of summary.verdict) place.append(element("p", { class: "verdict" }, paragraph));
  if (!summary.comparison) for (const { problem, remedy } of summary.warnings) place.append(element("div", { class: "warning" }, element("p", {}, `${problem}.`), element("p", {}, `What to do: ${remedy}.`)));
  for (const run of summary.runs) place.append(table(run.hyperparameters, several ? `Hyperparameters, ${run.name}` : "Hyperparameters"));
  if (several && summary.warnings.length) {
    const said = summary.warnings.map(({ run, problem, remedy }) => element("div", { class: "warning" }, element("p", {}, `${run}: ${problem}.`), element("p", {}, `What to do: ${remedy}.`)));
    place.append(element("details", {}, element("summary", {}, `All warnings (${summary.warnings.length})`), ...said));
  }
  for (const run of summary.runs) place.append(facts(run, several));
  if (summary.command) place.append(element("p", {}, "Made by ", element("code", {}, summary.command), ` (warpnuts ${summary.version}).`));
  for (const sentence of omitted) place.append(element("p", { class: "omitted" }, sentence));
}
