// Group effects: modes against means, and the forest.

drawers.modes = (data, width) => {
  const means = data.means.map((value, i) => ({ i, value, group: data.groups[i] }));
  const span = d3.extent([...data.means, ...data.modes.flatMap((mode) => mode.values), ...(data.spike == null ? [] : [data.spike])]);
  const shapes = ["triangle", "square"];
  const rows = [
    ...data.modes.flatMap((mode, m) => mode.values.map((value, i) => ({ i, value, group: data.groups[i], of: mode.name, shape: shapes[m % 2] }))),
    ...means.map((row) => ({ ...row, of: `posterior mean (${data.run})`, shape: "circle" })),
  ];
  const radius = data.groups.length > 120 ? 2 : 3;
  const ink = (mode) => (mode.name.startsWith("non") ? colour(1) : colour(2));
  const made = plot({
    width, height: 380, marginTop: 14, marginLeft: 54,
    x: { label: "groups, by posterior mean", labelArrow: "none", labelAnchor: "center", ticks: [], domain: [-1, data.groups.length] },
    y: { label: shortened(data.effect, 24), labelArrow: "none", labelAnchor: "center", domain: span, nice: true, tickFormat: ticks },
    marks: [
      Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }),
      data.spike == null ? null : Plot.ruleY([data.spike], { stroke: colour(0), strokeWidth: 3 }),
      ...data.modes.map((mode, m) => Plot.dot(mode.values, { x: (_, i) => i, y: (d) => d, symbol: shapes[m % 2], r: radius + 0.5, stroke: ink(mode), strokeWidth: 1.4 })),
      Plot.dot(means, { x: "i", y: "value", r: radius, fill: "currentColor" }),
      means.length <= 12 ? Plot.text(means, { x: "i", frameAnchor: "bottom", dy: 14, text: (d) => shortened(d.group, Math.floor(width / (9 * (means.length + 1)))) }) : null,
      Plot.tip(rows, Plot.pointer({ x: "i", y: "value", title: (d) => `${shortened(d.group, 40)}\n${d.of}: ${short(d.value)}` })),
    ],
  });
  const entries = [{ label: `posterior mean (${data.run})`, stroke: "currentColor", shape: "dot" }];
  for (const [m, mode] of data.modes.entries()) entries.push({ label: mode.name, stroke: ink(mode), shape: shapes[m % 2] });
  if (data.spike != null) entries.push({ label: "where the centered density rises without end", stroke: colour(0), width: 3 });
  return { panels: [made], legend: entries };
};
tables.modes = (data) => [
  ["group", "posterior mean", ...data.modes.map((mode) => mode.name)],
  ...data.groups.map((group, i) => [group, data.means[i], ...data.modes.map((mode) => mode.values[i])]),
];

// With more groups, only the smallest and the largest effects are drawn, or the groups that match the search.
const FOREST_ALL = 100;
const FOREST_ENDS = 20;
const FOREST_FOUND = 40;

/** The groups of coefficient `k`, with their sizes. */
const forestGroups = (data, k) => (data.factors ? data.factors[data.factorOf[k]] : data);

/** The groups that are drawn: selected, or found by the search. */
function forestRows(data, state) {
  const k = state.coefficient ?? data.coefficient;
  const effects = data.runs[state.run ?? data.best].effects[k];
  const { groups, sizes } = forestGroups(data, k);
  const order = d3.sort(d3.range(groups.length), (i) => effects.mean[i]);
  const words = (state.search ?? "").trim().toLowerCase();
  let shown = order;
  if (words) shown = order.filter((i) => groups[i].toLowerCase().includes(words)).slice(0, FOREST_FOUND);
  else if (order.length > FOREST_ALL) shown = [...order.slice(0, FOREST_ENDS), ...order.slice(-FOREST_ENDS)];
  const gap = !words && order.length > FOREST_ALL ? FOREST_ENDS : -1;
  return { effects, gap, rows: shown.map((i, place) => ({ i, place: place + (gap >= 0 && place >= gap ? 1 : 0), group: groups[i], size: sizes[i], mean: effects.mean[i], q05: effects.q05[i], q25: effects.q25[i], q75: effects.q75[i], q95: effects.q95[i], own: effects.own[i] })) };
}

drawers.forest = (data, width, state) => {
  const { effects, rows, gap } = forestRows(data, state);
  const { sizes, all } = forestGroups(data, state.coefficient ?? data.coefficient);
  const slot = data.runs[state.run ?? data.best].slot;
  const name = data.coefficients[state.coefficient ?? data.coefficient];
  const most = width < 500 ? 14 : 26;
  const left = Math.min(width * 0.36, 16 + 7.4 * (d3.max(rows, (row) => [...shortened(row.group, most)].length) || 8));
  const low = d3.min(rows, (row) => row.q05), high = d3.max(rows, (row) => row.q95);
  const room = (high - low) * 0.35 || 1;
  const own = rows.filter((row) => row.own != null);
  const domain = [Math.max(low - room, Math.min(low, d3.min(own, (row) => row.own) ?? low)), Math.min(high + room, Math.max(high, d3.max(own, (row) => row.own) ?? high))];
  const inside = own.filter((row) => row.own >= domain[0] && row.own <= domain[1]);
  const outside = own.filter((row) => row.own < domain[0] || row.own > domain[1]);
  const grid = Math.max(2, Math.floor((width - left) / 80));
  const count = (rows.at(-1)?.place ?? 0) + 1;
  const largest = d3.max(sizes) || 1;
  const made = plot({
    width, height: 60 + 15 * count, marginTop: 26, marginLeft: left, marginRight: 52, marginBottom: 38,
    x: axis(shortened(name, 30), width - left, { domain, labelArrow: "none", labelAnchor: "center", inset: 6 }),
    y: { axis: null, domain: [count - 0.4, -0.6] },
    marks: [
      Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1, ticks: grid }),
      domain[0] < 0 && domain[1] > 0 ? Plot.ruleX([0], { strokeOpacity: 0.5 }) : null,
      Plot.ruleY(rows, { y: "place", x1: "q05", x2: "q95", stroke: colour(slot), strokeWidth: 1.3 }),
      Plot.ruleY(rows, { y: "place", x1: "q25", x2: "q75", stroke: colour(slot), strokeWidth: 4 }),
      Plot.dot(rows, { y: "place", x: "mean", r: 3.2, fill: "var(--page)", stroke: colour(slot), strokeWidth: 2 }),
      Plot.dot(inside, { y: "place", x: "own", r: (row) => 2 + 4.5 * Math.sqrt(row.size / largest), stroke: "currentColor", strokeWidth: 1.1 }),
      Plot.text(outside, { y: "place", x: (row) => (row.own < domain[0] ? domain[0] : domain[1]), text: (row) => (row.own < domain[0] ? "◂" : "▸"), fill: "currentColor" }),
      Plot.text(rows, { y: "place", frameAnchor: "left", text: (row) => shortened(row.group, most), title: "group", textAnchor: "end", dx: -8 }),
      Plot.text(rows, { y: "place", frameAnchor: "right", text: (row) => String(row.size), textAnchor: "end", dx: 46 }),
      Plot.text(["size"], { frameAnchor: "top-right", dx: 46, dy: -16, text: (d) => d, fill: "var(--faint)" }),
      gap >= 0 ? Plot.text([`… ${all - 2 * FOREST_ENDS} more; search for them above …`], { y: gap, frameAnchor: "middle", text: (d) => d, fill: "var(--faint)" }) : null,
      Plot.tip(rows, Plot.pointerY({ y: "place", x: "mean", title: (row) => `${shortened(row.group, 60)} (${row.size})\nmean ${short(row.mean)}\n50 %: ${short(row.q25)} to ${short(row.q75)}\n90 %: ${short(row.q05)} to ${short(row.q95)}\nown estimate ${row.own == null ? "none" : short(row.own)}` })),
    ],
  });
  const entries = [
    { label: "posterior mean", stroke: colour(slot), shape: "ring" },
    { label: "50 %", stroke: colour(slot), width: 5 },
    { label: "90 %", stroke: colour(slot), width: 1.5 },
  ];
  if (effects.own.some((own) => own != null)) entries.push({ label: "own estimate, larger for larger groups (◂ ▸ beyond the axis)", stroke: "currentColor", shape: "ring" });
  return {
    panels: [made],
    legend: entries,
    controls: forestControls(data, state),
  };
};

function forestControls(data, state) {
  const choices = [];
  const select = (label, key, names, chosen) => {
    const made = element("select", {}, ...names.map((name, i) => element("option", { value: i }, shortened(name, 40))));
    made.value = chosen;
    made.addEventListener("change", () => state.redraw({ [key]: Number(made.value) }));
    choices.push(element("label", {}, `${label} `, made));
  };
  if (data.coefficients.length > 1) select("effect", "coefficient", data.coefficients, data.coefficient);
  if (data.runs.length > 1) select("run", "run", data.runs.map((run) => run.run), data.best);
  if ((data.factors ?? [data]).some((factor) => factor.groups.length > 12)) {
    const box = element("input", { type: "search", placeholder: "part of a name", "aria-label": "search groups" });
    box.addEventListener("input", () => state.redraw({ search: box.value }));
    choices.push(element("label", {}, "groups ", box));
  }
  return choices;
}
tables.forest = (data, state) => [
  ["effect", "run", "group", "size", "mean", "q05", "q25", "q75", "q95", "own estimate"],
  ...data.runs.flatMap((run) => run.effects.flatMap((effects, k) => forestGroups(data, k).groups.map((group, i) => [data.coefficients[k], run.run, group, forestGroups(data, k).sizes[i], effects.mean[i], effects.q05[i], effects.q25[i], effects.q75[i], effects.q95[i], effects.own[i] ?? ""]))),
];
