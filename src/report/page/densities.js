// Marginal densities, energies, posterior predictive checks.

drawers.marginal = (data, width) => {
  const all = [...data.curves.map((curve) => curve.density), data.exact?.density].filter(Boolean);
  const top = d3.max(all, (density) => d3.max(density.y)) || 1;
  const drawn = Math.min(width, 900);
  const rows = data.curves.flatMap((curve) => points(curve.density).map((point) => ({ ...point, run: curve.run })));
  const marks = [
    ...data.curves.map((curve) => Plot.areaY(points(curve.density), { x: "x", y: "y", fill: colour(curve.slot), fillOpacity: 0.1 })),
    ...data.curves.map((curve) => Plot.lineY(points(curve.density), { x: "x", y: "y", stroke: colour(curve.slot), strokeWidth: 2.4 })),
    data.exact && Plot.lineY(points(data.exact.density), { x: "x", y: "y", stroke: "currentColor", strokeWidth: 2.6, strokeDasharray: "1 5", strokeLinecap: "round" }),
    ...data.curves.map((curve) => Plot.ruleX([curve.mean], { stroke: colour(curve.slot), strokeWidth: 2, strokeDasharray: "7 5" })),
    data.exact && Plot.ruleX([data.exact.mean], { stroke: "currentColor", strokeWidth: 1.4, strokeDasharray: "1 4" }),
    Plot.ruleY([0]),
    Plot.tip(rows, Plot.pointer({ x: "x", y: "y", title: (d) => `${d.run}\n${data.x} = ${short(d.x)}\ndensity ${short(d.y)}` })),
  ];
  const made = plot({
    width: drawn, height: 340, marginTop: 12,
    x: axis(shortened(data.x, 40), drawn, { domain: [data.low, data.high], labelArrow: "none", labelAnchor: "center" }),
    y: { label: "density", labelAnchor: "center", labelArrow: "none", domain: [0, top * 1.05], ticks: 5, tickFormat: ticks },
    marks,
  });
  const entries = data.curves.flatMap((curve) => [
    { label: curve.run, stroke: colour(curve.slot) },
    { label: `its mean, ${short(curve.mean)}`, stroke: colour(curve.slot), dash: "7 5", width: 2 },
  ]);
  if (data.exact) entries.push({ label: `exact, mean ${short(data.exact.mean)}`, stroke: "currentColor", dash: "1 5" });
  return { panels: [made], legend: entries };
};
tables.marginal = (data) => [
  ["density of", data.x, "density"],
  ...data.curves.flatMap((curve) => points(curve.density).map((point) => [curve.run, point.x, point.y])),
  ...(data.exact ? points(data.exact.density).map((point) => ["exact", point.x, point.y]) : []),
];

drawers.energy = (data, width) => {
  const each = columns(width, data.panels.length, 320, 560);
  // Energies of different parameterizations are not comparable: each panel has axes of its own.
  const panels = data.panels.map((panel) => plot({
    width: each, height: 240, marginTop: 28, marginLeft: 14,
    x: axis("energy − its mean; change of energy", each, { labelArrow: "none", labelAnchor: "center" }),
    y: { axis: null },
    marks: [
      heading(panel.run, panel.slot),
      Plot.areaY(points(panel.energy), { x: "x", y: "y", fill: colour(panel.slot), fillOpacity: 0.3 }),
      Plot.lineY(points(panel.step), { x: "x", y: "y", stroke: colour(panel.slot), strokeWidth: 2.2 }),
      Plot.ruleY([0]),
    ],
  }));
  return { panels, legend: [{ label: "energy", stroke: "currentColor", shape: "area" }, { label: "change from draw to draw", stroke: "currentColor" }] };
};
tables.energy = (data) => [
  ["run", "of", "energy", "density"],
  ...data.panels.flatMap((panel) => [
    ...points(panel.energy).map((point) => [panel.run, "energy", point.x, point.y]),
    ...points(panel.step).map((point) => [panel.run, "change", point.x, point.y]),
  ]),
];

drawers.predictive = (data, width) => {
  const drawn = Math.min(width, 900);
  const top = d3.max([data.observed, ...data.replicates], (curve) => d3.max(curve.y)) || 1;
  const replicates = data.replicates.filter((curve) => curve.y.length);
  const xs = replicates.length ? points(replicates[0]).map((point) => point.x) : [];
  const made = plot({
    width: drawn, height: 320, marginTop: 12,
    x: axis(shortened(data.x, 40), drawn, { labelArrow: "none", labelAnchor: "center" }),
    y: { label: "density", labelAnchor: "center", labelArrow: "none", domain: [0, top * 1.05], ticks: 5, tickFormat: ticks },
    marks: [
      lines(xs, replicates.map((curve) => curve.y), { strokes: () => "var(--faint)", opacity: 0.35 }),
      Plot.lineY(points(data.observed), { x: "x", y: "y", stroke: "currentColor", strokeWidth: 3 }),
      Plot.ruleY([0]),
    ],
  });
  return { panels: [made], legend: [{ label: "observed", stroke: "currentColor", width: 3 }, { label: "a replicate", stroke: "var(--faint)", width: 1 }] };
};
tables.predictive = (data) => [
  ["of", data.x, "density"],
  ...points(data.observed).map((point) => ["observed", point.x, point.y]),
  ...data.replicates.flatMap((curve, i) => points(curve).map((point) => [`replicate ${i}`, point.x, point.y])),
];
