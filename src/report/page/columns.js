// Expectations over each column, beside the data, and the effects of all columns.

drawers.columns = (data, width) => {
  const each = columns(width, data.panels.length, 320, 560);
  const stroke = colour(data.slot);
  const y = { label: shortened(data.outcome, 30), labelAnchor: "center", labelArrow: "none", ticks: 5, tickFormat: ticks };
  const overCurve = (panel) => {
    const curve = panel.curve.map(([x, estimate]) => ({ x, ...estimate }));
    const ys = d3.extent([...panel.y, ...curve.flatMap((d) => [d.q05, d.q95])]);
    return plot({
      width: each, height: 280, marginTop: 12, inset: 6,
      x: axis(shortened(panel.column, 40), each, { domain: d3.extent(curve, (d) => d.x), labelArrow: "none", labelAnchor: "center" }),
      y: { ...y, domain: ys },
      marks: [
        cloud(panel.x, panel.y, { stroke: "var(--faint)", opacity: 0.45 }),
        Plot.areaY(curve, { x: "x", y1: "q05", y2: "q95", fill: stroke, fillOpacity: 0.25 }),
        Plot.lineY(curve, { x: "x", y: "mean", stroke, strokeWidth: 2.4 }),
        Plot.tip(curve, Plot.pointerX({ x: "x", y: "mean", title: (d) => `${panel.column} = ${short(d.x)}\n${short(d.mean)} (${short(d.q05)} to ${short(d.q95)})` })),
      ],
    });
  };
  const overLevels = (panel) => {
    const levels = panel.levels.map(([level, estimate]) => ({ level: shortened(level, 16), ...estimate }));
    return plot({
      width: each, height: 280, marginTop: 12, inset: 6,
      x: { type: "band", domain: levels.map((d) => d.level), label: shortened(panel.column, 40), labelArrow: "none", labelAnchor: "center" }, y,
      marks: [
        Plot.ruleX(levels, { x: "level", y1: "q05", y2: "q95", stroke, strokeWidth: 5, strokeOpacity: 0.3 }),
        Plot.dot(levels, { x: "level", y: "mean", fill: stroke, r: 4, title: (d) => `${d.level}\n${short(d.mean)} (${short(d.q05)} to ${short(d.q95)})` }),
      ],
    });
  };
  const panels = data.panels.map((panel) => (panel.levels ? overLevels(panel) : overCurve(panel)));
  const entries = [{ label: `expectation, ${data.run}`, stroke }];
  if (data.panels.some((panel) => panel.curve)) entries.push({ label: "an observed outcome", stroke: "var(--faint)", shape: "dot" });
  return { panels, legend: entries };
};
tables.columns = (data) => [
  ["column", "at", "mean", "q05", "q95"],
  ...data.panels.flatMap((panel) => (panel.levels ?? panel.curve).map(([at, { mean, q05, q95 }]) => [panel.column, at, mean, q05, q95])),
];

drawers["average-effects"] = (data, width) => {
  const drawn = Math.min(width, 900);
  const rows = data.rows.map((row, i) => ({ ...row, i }));
  const most = drawn < 500 ? 18 : 32;
  const left = Math.min(drawn * 0.45, 16 + 6.9 * d3.max(rows, (row) => [...shortened(row.name, most)].length));
  const said = (estimate) => `${short(estimate.mean)} (${short(estimate.q05)} to ${short(estimate.q95)})`;
  const made = plot({
    width: drawn, height: 62 + 26 * rows.length, marginTop: 24, marginLeft: left, marginRight: 52,
    x: axis(`change of ${shortened(data.outcome, 24)}`, drawn - left, { labelArrow: "none", labelAnchor: "center", inset: 8, nice: true }),
    y: { axis: null, domain: [rows.length - 0.4, -0.6] },
    marks: [
      Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1, ticks: Math.max(2, Math.floor((drawn - left) / 80)) }),
      Plot.ruleX([0], { stroke: "currentColor", strokeDasharray: "4 4", strokeOpacity: 0.6 }),
      Plot.link(rows, { x1: (row) => row.conditional.q05, x2: (row) => row.conditional.q95, y1: (row) => row.i + 0.2, y2: (row) => row.i + 0.2, stroke: "var(--faint)", strokeWidth: 2 }),
      Plot.link(rows, { x1: (row) => row.average.q05, x2: (row) => row.average.q95, y1: "i", y2: "i", stroke: colour(data.slot), strokeWidth: 4, strokeOpacity: 0.55 }),
      Plot.dot(rows, { x: (row) => row.average.mean, y: "i", r: 4.5, fill: colour(data.slot) }),
      Plot.text(rows, { frameAnchor: "left", y: "i", dx: -8, textAnchor: "end", text: (row) => shortened(row.name, most), title: "name" }),
      Plot.text(rows, { frameAnchor: "right", y: "i", dx: 44, textAnchor: "end", text: "shown" }),
      Plot.text(["P"], { frameAnchor: "top-right", dx: 44, dy: -16, textAnchor: "end", text: (d) => d, fontWeight: 600 }),
      Plot.tip(rows, Plot.pointer({ x: (row) => row.average.mean, y: "i", title: (row) => `${row.name}\naverage ${said(row.average)}\nconditional ${said(row.conditional)}` })),
    ],
  });
  return { panels: [made], legend: [{ label: "average over rows", stroke: colour(data.slot), width: 4 }, { label: "in the middle of the population", stroke: "var(--faint)", width: 2 }] };
};
tables["average-effects"] = (data) => [
  ["effect", "of", "mean", "q05", "q95", "P"],
  ...data.rows.flatMap(({ name, average, conditional, direction }) => [
    [name, "average", average.mean, average.q05, average.q95, direction],
    [name, "conditional", conditional.mean, conditional.q05, conditional.q95, ""],
  ]),
];
