// The funnel with its marginal histograms, and pairs of hyperparameters.

drawers.funnel = (data, width) => {
  const each = columns(width, data.panels.length, 330, 560);
  const side = 64;
  const [xs, ys] = [data.xDomain, data.yDomain];
  const bins = ({ first, width, bins }) => bins.map((density, i) => ({ low: first + i * width, high: first + (i + 1) * width, density }));
  const tallest = d3.max(data.panels, (panel) => d3.max(panel.x.bins));
  const widest = d3.max(data.panels, (panel) => d3.max(panel.y.bins));
  const panels = data.panels.map((panel) => {
    const many = panel.x.cloud.draws.length;
    const top = plot({
      width: each - side, height: side, marginTop: 22, marginBottom: 2, marginLeft: 54, marginRight: 4,
      x: { axis: null, domain: xs }, y: { axis: null, domain: [0, tallest] },
      marks: [heading(panel.run, panel.slot), Plot.rect(bins(panel.x), { x1: "low", x2: "high", y1: 0, y2: "density", fill: colour(panel.slot), fillOpacity: 0.55, insetLeft: 0.5 })],
    });
    const right = plot({
      width: side, height: 320, marginTop: 4, marginLeft: 2, marginRight: 4, marginBottom: 40,
      x: { axis: null, domain: [0, widest] }, y: { axis: null, domain: ys },
      marks: [Plot.rect(bins(panel.y), { x1: 0, x2: "density", y1: "low", y2: "high", fill: colour(panel.slot), fillOpacity: 0.55, insetTop: 0.5 })],
    });
    const joint = plot({
      width: each - side, height: 320, marginTop: 4, marginLeft: 54, marginRight: 4, marginBottom: 40,
      x: axis(shortened(data.x, 26), each - side, { domain: xs, labelArrow: "none", labelAnchor: "center" }),
      y: axis(shortened(data.y, 22), 320, { domain: ys, labelArrow: "none", labelAnchor: "center", ticks: 6 }),
      marks: [
        Plot.frame({ stroke: "var(--line)" }),
        ...byHalvings(panel).map(({ draws, stroke }) => cloud(draws.map((i) => panel.x.cloud.draws[i]), draws.map((i) => panel.y.cloud.draws[i]), { stroke, size: 3.2, opacity: many > 300 ? 0.5 : 0.8 })),
        crosses(panel.x.cloud.divergent, panel.y.cloud.divergent),
      ],
    });
    return joined(each, 320 + side, [[top, 0, 0], [joint, 0, side], [right, each - side, side]]);
  });
  const entries = data.panels.flatMap((panel) => byHalvings(panel).map(({ label, stroke }) => ({ label: panel.run + label, stroke, shape: "dot" })));
  if (data.panels.some((panel) => panel.divergences)) entries.push({ label: "divergence", stroke: "var(--mark)", shape: "cross" });
  return { panels, legend: entries };
};
tables.funnel = (data) => {
  const refined = data.panels.some((panel) => panel.halvings);
  const halvings = (panel, i) => (refined ? [panel.halvings?.[i] ?? ""] : []);
  return [
    ["run", "divergent", data.x, data.y, ...(refined ? ["halvings"] : [])],
    ...data.panels.flatMap((panel) => [
      ...panel.x.cloud.draws.map((value, i) => [panel.run, 0, value, panel.y.cloud.draws[i], ...halvings(panel, i)]),
      ...panel.x.cloud.divergent.map((value, i) => [panel.run, 1, value, panel.y.cloud.divergent[i], ...(refined ? [""] : [])]),
    ]),
  ];
};

/** The draws of a panel, all alike, or darker where the step that led to a draw was halved more often. */
function byHalvings(panel) {
  const all = panel.x.cloud.draws.map((_, i) => i);
  if (!panel.halvings) return [{ draws: all, label: "", stroke: colour(panel.slot) }];
  const classes = [[0, 0, "", 100], [1, 2, ", step halved once or twice", 60], [3, Infinity, ", three times or more", 20]];
  return classes.map(([low, high, label, share]) => ({
    draws: all.filter((i) => panel.halvings[i] >= low && panel.halvings[i] <= high),
    label,
    stroke: share === 100 ? colour(panel.slot) : `color-mix(in srgb, ${colour(panel.slot)} ${share}%, currentColor)`,
  }));
}

/** Several plots inside one, each at its position. */
function joined(width, height, plots) {
  const whole = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, fill: "currentColor" });
  for (const [one, x, y] of plots) {
    one.setAttribute("x", x);
    one.setAttribute("y", y);
    // Letters such as g and _ of a label at the edge are drawn whole.
    one.style.overflow = "visible";
    whole.append(one);
  }
  return whole;
}

/** Round numbers, except those near an end, whose labels would reach into the next panel. */
const inner = ({ low, high }, count) => d3.ticks(low, high, count).filter((tick) => Math.abs((tick - low) / (high - low) - 0.5) < 0.38);

drawers.pairs = (data, width) => {
  const count = data.variables.length;
  // Names are at the left and at the bottom only.
  const edge = 58;
  const each = Math.min(170, Math.floor((width - edge) / count));
  const total = each * count + edge;
  const cells = [];
  data.variables.forEach((row, r) =>
    data.variables.slice(0, r + 1).forEach((column, c) => {
      const [atLeft, atBottom] = [c === 0, r === count - 1];
      const x = { domain: [column.low, column.high], label: null, ticks: inner(column, each > 130 ? 3 : 2), tickFormat: ticks, axis: atBottom ? "bottom" : null, line: false };
      const y = { domain: [row.low, row.high], label: null, ticks: inner(row, 4), tickFormat: ticks, axis: atLeft && r > 0 ? "left" : null };
      const margins = { marginLeft: atLeft ? edge : 3, marginBottom: atBottom ? 44 : 3, marginTop: 3, marginRight: 3 };
      const size = { width: each + (atLeft ? edge - 3 : 0), height: each + (atBottom ? 41 : 0) };
      const top = d3.max(row.density.y) || 1;
      const diagonal = r === c;
      const marks = diagonal
        ? [Plot.areaY(points(row.density), { x: "x", y: "y", fill: colour(data.slot), fillOpacity: 0.35 }), Plot.lineY(points(row.density), { x: "x", y: "y", stroke: colour(data.slot) }),
           Plot.text([shortened(row.name, Math.max(16, Math.floor(each / 6.6)))], { frameAnchor: "top", dy: 3, text: (d) => d, title: [row.name], fontWeight: 600, stroke: "var(--page)", strokeWidth: 4, fill: "currentColor" })]
        : [Plot.frame({ stroke: "var(--line)" }), cloud(column.cloud.draws, row.cloud.draws, { stroke: colour(data.slot), size: 2.2, opacity: 0.45 }), crosses(column.cloud.divergent, row.cloud.divergent)];
      cells.push([plot({ ...size, ...margins, x, y: diagonal ? { axis: null, domain: [0, top * 1.25] } : y, marks, style: { fontSize: "10px" } }), atLeft ? 0 : edge - 3 + c * each, r * each]);
    }));
  const entries = [{ label: "a draw", stroke: colour(data.slot), shape: "dot" }];
  if (data.variables.some((variable) => variable.cloud.divergent.length)) entries.push({ label: "divergence", stroke: "var(--mark)", shape: "cross" });
  return { panels: [joined(total, each * count + 44, cells)], legend: entries };
};
tables.pairs = (data) => [
  ["divergent", ...data.variables.map((variable) => variable.name)],
  ...(data.variables[0]?.cloud.draws ?? []).map((_, i) => [0, ...data.variables.map((variable) => variable.cloud.draws[i])]),
  ...(data.variables[0]?.cloud.divergent ?? []).map((_, i) => [1, ...data.variables.map((variable) => variable.cloud.divergent[i])]),
];
