// Predictive checks: frequencies and shares of outcomes, their transforms, statistics of residuals, levels, residuals.

/** Outside of 90 % of replicates. */
const isOutside = (value, [low, , high]) => value < low || value > high;

// A rootogram: bars and replicates on a square-root scale.
drawers["check-frequencies"] = (data, width) => {
  const drawn = Math.min(width, 900);
  const last = data.bars.length - 1;
  const rows = data.bars.map((bar, i) => {
    const name = bar.from === bar.to ? short(bar.from) : `${short(bar.from)} to ${short(bar.to)}`;
    return { ...bar, i, name: i === last && i > 0 ? `${short(bar.from)} and more` : name, outside: isOutside(bar.rows, bar.replicated) };
  });
  const step = Math.ceil(rows.length / Math.max(4, drawn / 60));
  const made = plot({
    width: drawn, height: 300, marginTop: 12, marginBottom: 44, marginLeft: 56,
    x: { label: shortened(data.x, 30), labelArrow: "none", labelAnchor: "center", domain: [-0.6, last + 0.6], ticks: rows.map((row) => row.i).filter((i) => i % step === 0), tickFormat: (i) => short(rows[i].from) },
    y: { label: "rows", labelAnchor: "center", labelArrow: "none", type: "sqrt", domain: [0, 1.05 * d3.max(rows, (row) => Math.max(row.rows, row.replicated[2]))], ticks: 5, tickFormat: ticks },
    marks: [
      Plot.rect(rows, { x1: (row) => row.i - 0.42, x2: (row) => row.i + 0.42, y1: 0, y2: "rows", fill: (row) => (row.outside ? "var(--mark)" : colour(data.slot)), fillOpacity: 0.7 }),
      Plot.ruleX(rows, { x: "i", y1: (row) => row.replicated[0], y2: (row) => row.replicated[2], stroke: "currentColor", strokeWidth: 2.4 }),
      Plot.dot(rows, { x: "i", y: (row) => row.replicated[1], r: 2.6, fill: "currentColor" }),
      Plot.ruleY([0]),
      Plot.tip(rows, Plot.pointer({ x: "i", y: "rows", title: (row) => `${row.name}\n${row.rows} rows\nreplicates ${short(row.replicated[0])} to ${short(row.replicated[2])}` })),
    ],
  });
  const entries = [{ label: "rows", stroke: colour(data.slot), shape: "area" }, { label: "90 % of replicates", stroke: "currentColor", width: 2.4 }];
  if (rows.some((row) => row.outside)) entries.push({ label: "outside of them", stroke: "var(--mark)", shape: "area" });
  return { panels: [made], legend: entries };
};
tables["check-frequencies"] = (data) => [["from", "to", "rows", "q05", "q50", "q95"], ...data.bars.map((bar) => [bar.from, bar.to, bar.rows, ...bar.replicated])];

drawers["check-shares"] = (data, width) => {
  const drawn = Math.min(width, 560);
  const rows = data.bins.map((bin) => ({ ...bin, outside: isOutside(bin.observed, bin.replicated) }));
  const most = d3.max(rows, (row) => Math.max(row.expected, row.observed, row.replicated[2]));
  const end = Math.min(1, 1.05 * most);
  const ink = (row) => (row.outside ? "var(--mark)" : colour(data.slot));
  const made = plot({
    width: drawn, height: Math.min(drawn, 460), marginTop: 12,
    x: axis("expected share", drawn, { domain: [0, end], labelArrow: "none", labelAnchor: "center", inset: 6 }),
    y: { label: `share of ${shortened(data.x, 24)}`, labelAnchor: "center", labelArrow: "none", domain: [0, end], ticks: 5, tickFormat: ticks, inset: 6 },
    marks: [
      Plot.line([[0, 0], [end, end]], { stroke: "currentColor", strokeDasharray: "4 4", strokeOpacity: 0.6 }),
      Plot.ruleX(rows, { x: "expected", y1: (row) => row.replicated[0], y2: (row) => row.replicated[2], stroke: "var(--faint)", strokeWidth: 4, strokeOpacity: 0.55 }),
      Plot.dot(rows, { x: "expected", y: "observed", r: 4.5, fill: ink }),
      Plot.tip(rows, Plot.pointer({ x: "expected", y: "observed", title: (row) => `${row.rows} rows\nexpected ${short(row.expected)}, share ${short(row.observed)}\nreplicates ${short(row.replicated[0])} to ${short(row.replicated[2])}` })),
    ],
  });
  const entries = [{ label: "a bin of rows", stroke: colour(data.slot), shape: "dot" }, { label: "90 % of replicates", stroke: "var(--faint)", width: 4 }];
  if (rows.some((row) => row.outside)) entries.push({ label: "outside of them", stroke: "var(--mark)", shape: "dot" });
  return { panels: [made], legend: entries };
};
tables["check-shares"] = (data) => [["expected", "share", "q05", "q50", "q95", "rows"], ...data.bins.map((bin) => [bin.expected, bin.observed, ...bin.replicated, bin.rows])];

drawers["check-transforms"] = (data, width) => {
  const drawn = Math.min(width, 900);
  const bars = data.counts.length;
  const rows = data.counts.map((count, i) => ({ from: i / bars, to: (i + 1) / bars, count, outside: count < data.band[0] || count > data.band[1] }));
  const expected = data.rows / bars;
  const made = plot({
    width: drawn, height: 280, marginTop: 12,
    x: axis(`PIT of ${shortened(data.x, 30)}`, drawn, { domain: [0, 1], labelArrow: "none", labelAnchor: "center" }),
    y: { label: "rows", labelAnchor: "center", labelArrow: "none", domain: [0, 1.08 * Math.max(d3.max(data.counts), data.band[1])], ticks: 5, tickFormat: ticks },
    marks: [
      Plot.rect(rows, { x1: "from", x2: "to", y1: 0, y2: "count", inset: 0.5, fill: (row) => (row.outside ? "var(--mark)" : colour(data.slot)), fillOpacity: 0.75 }),
      Plot.rect([0], { x1: 0, x2: 1, y1: data.band[0], y2: data.band[1], fill: "currentColor", fillOpacity: 0.13 }),
      Plot.ruleY([expected], { stroke: "currentColor", strokeDasharray: "4 4" }),
      Plot.ruleY([0]),
      Plot.tip(rows, Plot.pointer({ x: (row) => (row.from + row.to) / 2, y: "count", title: (row) => `${short(row.from)} to ${short(row.to)}\n${row.count} rows, ${short(expected)} expected` })),
    ],
  });
  const entries = [{ label: "rows", stroke: colour(data.slot), shape: "area" }, { label: "band of uniform PITs", stroke: "currentColor", shape: "area" }];
  if (rows.some((row) => row.outside)) entries.push({ label: "outside of it", stroke: "var(--mark)", shape: "area" });
  return { panels: [made], legend: entries };
};
tables["check-transforms"] = (data) => [["from", "to", "rows", "band from", "band to"], ...data.counts.map((count, i) => [i / data.counts.length, (i + 1) / data.counts.length, count, ...data.band])];

/** Beyond 99 % of replicates. */
const isBeyond = (p) => p < 0.005 || p > 0.995;

// Each statistic in units of its replicates: 0 is their median, 1 the end of the range of 90 % of them.
const CHECK_REACH = 4;
drawers["check-statistics"] = (data, width) => {
  const place = (row, value) => {
    const half = value < row.middle ? row.middle - row.low : row.high - row.middle;
    return half > 0 ? (value - row.middle) / half : 0;
  };
  const rows = data.rows.map((row, i) => ({ ...row, i, at: Math.max(-CHECK_REACH, Math.min(CHECK_REACH, place(row, row.observed))), beyond: isBeyond(row.p) }));
  const far = rows.filter((row) => Math.abs(row.at) >= CHECK_REACH);
  const near = rows.filter((row) => Math.abs(row.at) < CHECK_REACH);
  const drawn = Math.min(width, 900);
  const left = Math.min(drawn * 0.45, 16 + 6.9 * d3.max(rows, (row) => [...shortened(row.name, 30)].length));
  const ink = (row) => (row.beyond ? "var(--mark)" : colour(data.slot));
  const made = plot({
    width: drawn, height: 62 + 24 * rows.length, marginTop: 24, marginLeft: left, marginRight: 62,
    x: { label: drawn - left < 420 ? "replicates: 0 median, ±1 5 and 95 %" : "in units of replicates: 0 is their median, −1 and 1 are 5 and 95 % of them", labelArrow: "none", labelAnchor: "center", domain: [-CHECK_REACH, CHECK_REACH], ticks: [-4, -2, -1, 0, 1, 2, 4].filter((tick) => drawn - left > 300 || Math.abs(tick) !== 2), tickFormat: ticks, inset: 8 },
    y: { axis: null, domain: [rows.length - 0.4, -0.6] },
    marks: [
      Plot.rect([0], { x1: -1, x2: 1, y1: -0.6, y2: rows.length - 0.4, fill: "currentColor", fillOpacity: 0.08 }),
      Plot.ruleX([0], { stroke: "currentColor", strokeDasharray: "4 4", strokeOpacity: 0.6 }),
      Plot.link(rows, { x1: -1, x2: 1, y1: "i", y2: "i", stroke: "var(--faint)", strokeWidth: 3, strokeOpacity: 0.6 }),
      Plot.dot(near, { x: "at", y: "i", r: 5, fill: ink }),
      Plot.dot(far, { x: "at", y: "i", r: 5, symbol: "triangle", rotate: (row) => (row.at > 0 ? 90 : -90), fill: ink }),
      Plot.text(rows, { frameAnchor: "left", y: "i", dx: -8, textAnchor: "end", text: (row) => shortened(row.name, Math.floor(left / 6.9) - 2), title: "name" }),
      Plot.text(rows, { frameAnchor: "right", y: "i", dx: 54, textAnchor: "end", text: "shown", fontWeight: (row) => (row.beyond ? 700 : 400) }),
      Plot.text(["p"], { frameAnchor: "top-right", dx: 54, dy: -16, textAnchor: "end", text: (d) => d, fontWeight: 600 }),
    ],
  });
  const cells = data.rows.map((row) => [row.name, ...row.cells, row.shown]);
  const numbers = table({ header: ["", "data", "5 %", "50 %", "95 %", "p"], rows: cells }, "Data, and quantiles of replicates");
  return {
    panels: [made, numbers],
    legend: [{ label: "data", stroke: colour(data.slot), shape: "dot" }, { label: "90 % of replicates", stroke: "var(--faint)", width: 3 }, { label: "beyond 99 % of them", stroke: "var(--mark)", shape: "dot" }],
  };
};
tables["check-statistics"] = (data) => [["statistic", "data", "q05", "q50", "q95", "p"], ...data.rows.map((row) => [row.name, row.observed, row.low, row.middle, row.high, row.p])];

drawers["check-levels"] = (data, width, state) => {
  const { levels } = data.factors[state.factor ?? 0];
  // A level of one row has its mean only.
  const names = d3.greatest(data.factors.flatMap((one) => one.levels), (level) => level.statistics.length).statistics.map((one) => one.name);
  const k = state.statistic ?? 0;
  const all = levels.filter((level) => level.statistics[k]).map((level) => {
    const [observed, low, middle, high] = level.statistics[k].numbers;
    return { level: level.level, size: level.rows, p: level.statistics[k].p, observed, low, middle, high, distance: high > low ? Math.abs(observed - middle) / (high - low) : 0 };
  });
  const rows = d3.sort(all, (row) => -row.distance).map((row, i) => ({ ...row, i, beyond: isBeyond(row.p) }));
  const drawn = Math.min(width, 900);
  const most = drawn < 500 ? 14 : 26;
  const left = Math.min(drawn * 0.36, 16 + 7.4 * (d3.max(rows, (row) => [...shortened(row.level, most)].length) || 8));
  const ink = (row) => (row.beyond ? "var(--mark)" : colour(data.slot));
  const made = plot({
    width: drawn, height: 66 + 16 * rows.length, marginTop: 26, marginLeft: left, marginRight: 52,
    x: axis(`${names[k]} of ${shortened(data.outcome, 24)}`, drawn - left, { labelArrow: "none", labelAnchor: "center", inset: 6, nice: true }),
    y: { axis: null, domain: [Math.max(rows.length, 1) - 0.4, -0.6] },
    marks: [
      Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1, ticks: Math.max(2, Math.floor((drawn - left) / 80)) }),
      Plot.link(rows, { x1: "low", x2: "high", y1: "i", y2: "i", stroke: "var(--faint)", strokeWidth: 4, strokeOpacity: 0.55 }),
      Plot.dot(rows, { x: "observed", y: "i", r: 4, fill: ink }),
      Plot.text(rows, { frameAnchor: "left", y: "i", dx: -8, textAnchor: "end", text: (row) => shortened(row.level, most), title: "level" }),
      Plot.text(rows, { frameAnchor: "right", y: "i", dx: 44, textAnchor: "end", text: (row) => String(row.size) }),
      Plot.text(["rows"], { frameAnchor: "top-right", dx: 44, dy: -16, textAnchor: "end", text: (d) => d, fontWeight: 600 }),
      Plot.tip(rows, Plot.pointer({ x: "observed", y: "i", title: (row) => `${shortened(row.level, 40)}\n${names[k]} ${short(row.observed)}\nreplicates ${short(row.low)} to ${short(row.high)}\np = ${short(row.p)}` })),
    ],
  });
  const choice = (key, options) => {
    const select = element("select", { "aria-label": key }, ...options.map((name, i) => element("option", { value: i }, name)));
    select.addEventListener("change", () => state.redraw({ [key]: Number(select.value) }));
    return select;
  };
  const controls = [];
  if (names.length > 1) controls.push(element("label", {}, "Statistic ", choice("statistic", names)));
  if (data.factors.length > 1) controls.push(element("label", {}, "Factor ", choice("factor", data.factors.map((one) => one.factor))));
  return {
    panels: [made],
    legend: [{ label: "data", stroke: colour(data.slot), shape: "dot" }, { label: "90 % of replicates", stroke: "var(--faint)", width: 4 }, { label: "beyond 99 % of them", stroke: "var(--mark)", shape: "dot" }],
    controls,
  };
};
tables["check-levels"] = (data) => [
  ["factor", "level", "rows", "statistic", "data", "q05", "q50", "q95", "p"],
  ...data.factors.flatMap(({ factor, levels }) => levels.flatMap((level) => level.statistics.map((one) => [factor, level.level, level.rows, one.name, ...one.numbers, one.p]))),
];

drawers["check-residuals"] = (data, width) => {
  const each = columns(width, data.panels.length, 340, 580);
  const all = data.panels.flatMap((panel) => [...panel.y, ...panel.low, ...panel.high]);
  const span = d3.extent(all);
  const panels = data.panels.map((panel) => {
    const bins = panel.at.map((x, i) => ({ x, low: panel.low[i], middle: panel.middle[i], high: panel.high[i] }));
    // Two values or a few have bars; more have bands.
    const few = bins.length <= 10 && new Set(panel.x).size <= 10;
    const ink = "currentColor";
    return plot({
      width: each, height: 270, marginTop: 28, marginLeft: 54,
      x: axis(shortened(panel.name, 36), each, { labelArrow: "none", labelAnchor: "center", inset: few ? 30 : 6 }),
      y: { label: "residual", labelArrow: "none", labelAnchor: "center", domain: span, nice: true, ticks: 5, tickFormat: ticks },
      marks: [
        heading(`against ${panel.name}`),
        cloud(panel.x, panel.y, { size: panel.x.length > 500 ? 3 : 4.5, stroke: colour(data.slot), opacity: panel.x.length > 500 ? 0.45 : 0.6 }),
        Plot.ruleY([0], { stroke: "currentColor", strokeDasharray: "4 4", strokeOpacity: 0.6 }),
        few ? Plot.ruleX(bins, { x: "x", y1: "low", y2: "high", stroke: ink, strokeWidth: 5, strokeOpacity: 0.4 }) : Plot.areaY(bins, { x: "x", y1: "low", y2: "high", fill: ink, fillOpacity: 0.12 }),
        few ? Plot.dot(bins, { x: "x", y: "middle", r: 5, fill: ink }) : Plot.lineY(bins, { x: "x", y: "middle", stroke: ink, strokeWidth: 2.4 }),
      ],
    });
  });
  return { panels, legend: [{ label: "a row", stroke: colour(data.slot), shape: "dot" }, { label: "running median", stroke: "currentColor" }, { label: "90 % of rows", stroke: "currentColor", shape: "area" }] };
};
tables["check-residuals"] = (data) => [["against", "value", "residual"], ...data.panels.flatMap((panel) => panel.x.map((x, i) => [panel.name, x, panel.y[i]]))];
