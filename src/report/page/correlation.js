// Correlated coefficients of a term: a panel for each pair, above the density of their correlation.

/** The range of a pair's axis: ellipses, posterior means, and estimates of single groups that are not far out. */
function correlationDomain(ellipse, column) {
  const [low, high] = d3.extent([...ellipse, ...column.mean]);
  const room = (high - low) * 0.3;
  const own = column.own.filter((value) => value != null && value >= low - room && value <= high + room);
  return d3.extent([low, high, ...own]);
}

drawers.correlation = (data, width) => {
  const each = columns(width, data.panels.length, 320, 460);
  const ink = colour(data.slot);
  const hasOwn = data.columns.every((column) => column.own.some((value) => value != null));
  const left = 58;
  const panels = data.panels.map((panel) => {
    const [x, y] = [data.columns[panel.x], data.columns[panel.y]];
    const rows = data.groups.map((group, i) => ({ group, x: x.mean[i], y: y.mean[i], ownX: x.own[i], ownY: y.own[i] }));
    const widest = panel.ellipses.at(-1);
    const [xs, ys] = [correlationDomain(widest.x, x), correlationDomain(widest.y, y)];
    const inside = (value, [low, high]) => value != null && value >= low && value <= high;
    const own = rows.filter((row) => inside(row.ownX, xs) && inside(row.ownY, ys));
    const ellipses = panel.ellipses.map((ellipse, i) => Plot.line(ellipse.x.map((value, j) => ({ x: value, y: ellipse.y[j] })), { x: "x", y: "y", stroke: ink, strokeWidth: i ? 1.3 : 2.6 }));
    const scatter = plot({
      width: each, height: 336, marginTop: 12, marginLeft: left, marginRight: 10, marginBottom: 48, inset: 6,
      x: axis(shortened(x.name, 34), each - left, { domain: xs, labelArrow: "none", labelAnchor: "center", labelOffset: 38 }),
      y: { label: shortened(y.name, 30), domain: ys, labelArrow: "none", labelAnchor: "center", ticks: 6, tickFormat: ticks },
      marks: [
        Plot.frame({ stroke: "var(--line)" }),
        Plot.ruleX([0], { stroke: "var(--line)" }),
        Plot.ruleY([0], { stroke: "var(--line)" }),
        ...ellipses,
        Plot.link(own, { x1: "ownX", y1: "ownY", x2: "x", y2: "y", stroke: "currentColor", strokeOpacity: rows.length > 60 ? 0.2 : 0.45 }),
        Plot.dot(own, { x: "ownX", y: "ownY", r: 2.6, stroke: "currentColor", strokeWidth: 1.1, fill: "var(--page)" }),
        Plot.dot(rows, { x: "x", y: "y", r: rows.length > 120 ? 2 : 3.2, fill: ink }),
        Plot.tip(rows, Plot.pointer({ x: "x", y: "y", title: (row) => `${shortened(row.group, 40)}\n${x.name}: ${short(row.x)}${row.ownX == null ? "" : `, own ${short(row.ownX)}`}\n${y.name}: ${short(row.y)}${row.ownY == null ? "" : `, own ${short(row.ownY)}`}` })),
      ],
    });
    const density = plot({
      width: each, height: 102, marginTop: 6, marginLeft: left, marginRight: 10, marginBottom: 46, insetLeft: 6, insetRight: 6,
      x: axis(shortened(panel.name, 40), each - left, { domain: [-1, 1], labelArrow: "none", labelAnchor: "center", labelOffset: 38 }),
      y: { axis: null, domain: [0, d3.max(panel.density.y) || 1] },
      marks: [
        Plot.areaY(points(panel.density), { x: "x", y: "y", fill: ink, fillOpacity: 0.3, clip: true }),
        Plot.lineY(points(panel.density), { x: "x", y: "y", stroke: ink, clip: true }),
        Plot.ruleX([panel.mean], { stroke: ink, strokeWidth: 2, strokeDasharray: "7 5" }),
        Plot.ruleX([0], { strokeOpacity: 0.5 }),
        Plot.ruleY([0]),
      ],
    });
    return joined(each, 438, [[scatter, 0, 0], [density, 0, 336]]);
  });
  const entries = [
    { label: "posterior mean", stroke: ink, shape: "dot" },
    { label: "holds 50 % of groups", stroke: ink, width: 3.5 },
    { label: "holds 90 %", stroke: ink, width: 1.5 },
  ];
  if (hasOwn) entries.push({ label: "own estimate (those far out are not drawn)", stroke: "currentColor", shape: "ring" });
  return { panels, legend: entries };
};
tables.correlation = (data) => [
  ["group", ...data.columns.flatMap((column) => [column.name, `own estimate of ${column.name}`])],
  ...data.groups.map((group, i) => [group, ...data.columns.flatMap((column) => [column.mean[i], column.own[i] ?? ""])]),
];
