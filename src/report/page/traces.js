// Traces, ranks, and one chain in the neck.

drawers.trace = (data, width) => {
  const wide = width >= 640;
  const left = wide ? Math.floor(width * 0.34) : width;
  const right = wide ? width - left - 14 : width;
  const panels = data.rows.flatMap((row) => {
    const count = row.traces.length;
    const top = Math.max(d3.max(row.densities, (curve) => d3.max(curve.y)) || 0, d3.max(row.density.y) || 0) || 1;
    const of = (curve) => curve.y.map((_, i) => curve.low + i * curve.step);
    const grid = row.densities.find((curve) => curve.y.length);
    const density = plot({
      width: left, height: 150, marginTop: 26, marginLeft: 14,
      x: axis(null, left, { domain: [row.low, row.high] }),
      y: { axis: null, domain: [0, top * 1.05] },
      marks: [
        heading(row.name),
        grid && lines(of(grid), row.densities.filter((curve) => curve.y.length).map((curve) => curve.y), { strokes: (i) => shade(data.slot, i, count), opacity: 0.75 }),
        row.envelope && Plot.lineY(points(row.density), { x: "x", y: "y", stroke: "currentColor", strokeWidth: 2 }),
        Plot.ruleY([0]),
      ],
    });
    const ends = d3.extent([...row.traces.flat(), ...(row.envelope || []).flat()]);
    const y = [Math.max(ends[0], row.low - (row.high - row.low) * 0.05), Math.min(ends[1], row.high + (row.high - row.low) * 0.1)];
    const trace = plot({
      width: right, height: 150, marginTop: 26, marginLeft: 60,
      x: axis(row === data.rows.at(-1) ? "draw" : null, right, { domain: [0, Math.max(1, data.draws - 1)] }),
      y: { label: null, domain: y, ticks: 4, tickFormat: ticks, clamp: true, insetBottom: data.divergent.length ? 12 : 0 },
      marks: [
        wide ? null : heading(row.name),
        row.envelope && Plot.areaY(row.draws, { x: (d) => d, y1: (_, i) => row.envelope[0][i], y2: (_, i) => row.envelope[1][i], fill: colour(data.slot), fillOpacity: 0.22 }),
        lines(row.draws, row.traces, { strokes: (i) => shade(data.slot, i, count), width: count > 4 ? 0.6 : 0.9, opacity: 0.75 }),
        marked(data.divergent.map((place) => place[1])),
      ],
    });
    return [density, trace];
  });
  const entries = [{ label: "a chain", stroke: colour(data.slot) }];
  if (data.rows.some((row) => row.envelope)) entries.push({ label: "90 % of all chains", stroke: colour(data.slot), shape: "area" }, { label: "density of all chains", stroke: "currentColor", width: 2 });
  if (data.divergent.length) entries.push({ label: "divergence (any chain)", stroke: "var(--mark)" });
  return { panels, legend: entries };
};

/** Ticks on the axis of draws. */
function marked(draws) {
  return (index, { x }, values, { height, marginBottom }) =>
    svg("path", { d: draws.map((draw) => `M${x(draw).toFixed(1)},${height - marginBottom}v-9`).join(""), stroke: "var(--mark)", "stroke-width": draws.length > 150 ? 0.5 : 2 });
}
tables.trace = (data) => [
  ["variable", "chain", "draw", "value"],
  ...data.rows.flatMap((row) => row.traces.flatMap((trace, c) => trace.map((value, i) => [row.name, row.chains[c], row.draws[i], value]))),
];

drawers.rank = (data, width) => {
  const each = columns(width, data.rows.length, titled(data.rows.map((row) => row.name), 260), 420);
  const height = 64 + data.chains.length * Math.max(15, Math.min(34, 130 / data.chains.length));
  const panels = data.rows.map((row) => {
    const bars = row.shares.flatMap((shares, c) => shares.map((share, i) => ({ c, i, share, bins: shares.length })));
    // A bar's height is 0.55 of the distance between chains for an equal share.
    const base = (d) => data.chains.length - 1 - d.c;
    return plot({
      width: each, height, marginTop: 26, marginLeft: 44,
      x: axis("rank, % of all draws", each, { domain: [0, 100] }),
      y: { label: null, domain: [-0.1, data.chains.length + 0.3], ticks: [] },
      marks: [
        heading(row.name),
        Plot.rect(bars, { x1: (d) => (100 * d.i) / d.bins, x2: (d) => (100 * (d.i + 1)) / d.bins, y1: base, y2: (d) => base(d) + Math.min(1.6, d.share) * 0.55, fill: colour(data.slot), fillOpacity: 0.75, insetLeft: 0.4, insetRight: 0.4 }),
        Plot.ruleY(data.chains, { y: (_, i) => i + 0.55, strokeDasharray: "3 2", strokeWidth: 1 }),
        Plot.text(data.chains, { x: 0, y: (_, i) => data.chains.length - 1 - i + 0.3, text: (d) => String(d), textAnchor: "end", dx: -6 }),
        Plot.text(["chain"], { frameAnchor: "top-left", dx: -40, dy: -16, text: (d) => d, fill: "var(--faint)" }),
      ],
    });
  });
  return { panels, legend: [{ label: "share of a chain's draws (cut off at 1.6 equal shares)", stroke: colour(data.slot), shape: "area" }, { label: "equal share", stroke: "currentColor", dash: "3 2", width: 1.5 }] };
};
tables.rank = (data) => [
  ["variable", "chain", "bin", "share of an equal share"],
  ...data.rows.flatMap((row) => row.shares.flatMap((shares, c) => shares.map((share, i) => [row.name, data.chains[c], i, share]))),
];

drawers.stuck = (data, width) => {
  const each = columns(width, data.panels.length, 400);
  const top = d3.max(data.panels, (panel) => d3.max(panel.sigma));
  const span = d3.extent(data.panels.flatMap((panel) => panel.effects.flat()));
  const above = data.panels.map((panel) => {
    const x = [panel.sigmaDraws[0], panel.sigmaDraws.at(-1)];
    const neck = panel.length ? [panel] : [];
    return { panel, x, neck };
  });
  const shaded = (neck) => Plot.rect(neck, { x1: (d) => d.start, x2: (d) => Math.min(d.start + Math.max(1, d.length), d.sigmaDraws.at(-1)), fill: "var(--mark)", fillOpacity: 0.14 });
  const one = ({ panel, x, neck }) => plot({
    width: each, height: 190, marginTop: 28, marginLeft: 54,
    x: axis(data.panels[0].effects.length ? null : "draw", each, { domain: x }),
    y: { label: shortened(data.sigma, 20), labelAnchor: "center", labelArrow: "none", domain: [0, top], ticks: 4, tickFormat: ticks },
    marks: [
      heading(`${panel.run}, chain ${panel.chain}`, panel.slot),
      shaded(neck),
      lines(panel.sigmaDraws, [panel.sigma], { strokes: () => colour(panel.slot), width: 1.2 }),
      Plot.ruleY([panel.neck], { strokeDasharray: "3 3" }),
    ],
  });
  const all = ({ panel, x, neck }) => plot({
    width: each, height: 230, marginTop: 8, marginLeft: 54,
    x: axis("draw", each, { domain: x }),
    y: { label: shortened(data.effect, 20), labelAnchor: "center", labelArrow: "none", domain: span, ticks: 5, tickFormat: ticks },
    marks: [
      shaded(neck),
      lines(panel.draws, panel.effects, { strokes: (i) => shade(panel.slot, i, panel.effects.length), width: 0.6, opacity: 0.5 }),
    ],
  });
  const panels = above.map((entry) => stack(entry.panel.effects.length ? [one(entry), all(entry)] : [one(entry)]));
  return {
    panels,
    legend: [{ label: "longest stay below the line", stroke: "var(--mark)", shape: "area" }, { label: "a tenth of all draws is below", stroke: "currentColor", dash: "3 3", width: 1.5 }],
  };
};
tables.stuck = (data) => [
  ["run", "chain", "variable", "draw", "value"],
  ...data.panels.flatMap((panel) => [
    ...panel.sigma.map((value, i) => [panel.run, panel.chain, data.sigma, panel.sigmaDraws[i], value]),
    ...panel.effects.flatMap((effect, g) => effect.map((value, i) => [panel.run, panel.chain, `${data.effect}[${panel.groups[g]}]`, panel.draws[i], value])),
  ]),
];

/** Plots one below the other, kept together where panels wrap. */
function stack(plots) {
  return element("div", {}, ...plots);
}
