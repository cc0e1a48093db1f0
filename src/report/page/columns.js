// Expectations over each column, beside the data.

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
