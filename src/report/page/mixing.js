// How well chains mix: autocorrelation, effective sample size; and how fast engines are.

drawers.autocorrelation = (data, width) => {
  const each = columns(width, data.panels.length, titled(data.panels.map((panel) => panel.name), 210), 380);
  const lowest = Math.min(-0.1, d3.min(data.panels, (panel) => d3.min(panel.lines, (line) => d3.min(line.values))));
  const panels = data.panels.map((panel) => {
    const lags = d3.max(panel.lines, (line) => line.values.length) - 1;
    return plot({
      width: each, height: 190, marginTop: 28, marginLeft: 40,
      x: axis("lag, draws", each, { domain: [0, Math.max(1, lags)], labelArrow: "none", labelAnchor: "center" }),
      y: { label: null, domain: [lowest, 1], nice: true, ticks: 4 },
      marks: [
        heading(panel.name),
        Plot.ruleY([0], { strokeOpacity: 0.6 }),
        ...panel.lines.map((line) => Plot.lineY(line.values, { x: (_, i) => i, y: (d) => d, stroke: colour(line.slot), strokeWidth: 2, strokeDasharray: dash(line.slot) })),
      ],
    });
  });
  return { panels, legend: data.panels[0].lines.map((line) => ({ label: line.run, stroke: colour(line.slot), dash: dash(line.slot) })) };
};
tables.autocorrelation = (data) => [
  ["variable", "run", "lag", "autocorrelation"],
  ...data.panels.flatMap((panel) => panel.lines.flatMap((line) => line.values.map((value, i) => [panel.name, line.run, i, value]))),
];

drawers.ess = (data, width) => {
  const each = columns(width, data.panels.length, titled(data.panels.map((panel) => panel.name), 210), 380);
  const panels = data.panels.map((panel) => {
    const top = d3.max(panel.lines, (line) => Math.max(d3.max(line.growth.bulk) ?? 0, d3.max(line.growth.tail) ?? 0)) || 400;
    const last = d3.max(panel.lines, (line) => d3.max(line.growth.draws)) || 1;
    const curve = (line, kind) => line.growth.draws.map((draws, i) => ({ draws, ess: line.growth[kind][i] })).filter((row) => row.ess != null);
    return plot({
      width: each, height: 210, marginTop: 28, marginLeft: 52,
      x: axis("draws of each chain", each, { domain: [0, last], labelArrow: "none", labelAnchor: "center" }),
      y: { label: null, domain: [0, Math.max(top, 440)], ticks: 4 },
      marks: [
        heading(panel.name),
        Plot.ruleY([0]),
        Plot.ruleY([400], { strokeDasharray: "1 4", strokeWidth: 1.6, strokeLinecap: "round" }),
        ...panel.lines.flatMap((line) => [
          Plot.lineY(curve(line, "bulk"), { x: "draws", y: "ess", stroke: colour(line.slot), strokeWidth: 2.2, marker: "dot" }),
          Plot.lineY(curve(line, "tail"), { x: "draws", y: "ess", stroke: colour(line.slot), strokeWidth: 1.8, strokeDasharray: "5 4" }),
        ]),
        Plot.tip(panel.lines.flatMap((line) => curve(line, "bulk").map((row) => ({ ...row, run: line.run }))), Plot.pointer({ x: "draws", y: "ess", title: (d) => `${d.run}\n${d.draws} draws of each chain\nbulk ESS ${d.ess}` })),
      ],
    });
  });
  const entries = data.panels[0].lines.flatMap((line) => [
    { label: `${line.run}, bulk`, stroke: colour(line.slot) },
    { label: "tail", stroke: colour(line.slot), dash: "5 4", width: 2 },
  ]);
  return { panels, legend: [...entries, { label: "400", stroke: "currentColor", dash: "1 4" }] };
};
tables.ess = (data) => [
  ["variable", "run", "draws of each chain", "bulk ESS", "tail ESS"],
  ...data.panels.flatMap((panel) => panel.lines.flatMap((line) => line.growth.draws.map((draws, i) => [panel.name, line.run, draws, line.growth.bulk[i], line.growth.tail[i]]))),
];

const ENGINES = ["cpu", "gpu-density", "gpu"];

drawers.throughput = (data, width) => {
  const each = columns(width, data.panels.length, 320, 560);
  const engine = (name) => `var(--engine${Math.max(0, ENGINES.indexOf(name))})`;
  const pattern = (likelihood) => (likelihood === "groups" ? null : "6 4");
  const SHAPES = ["circle", "square", "triangle"];
  const keys = new Map();
  const panels = data.panels.map((panel) => {
    const series = [...d3.group(panel.points, (point) => `${point.engine} over ${point.likelihood}`)];
    for (const [name, rows] of series) keys.set(name, { label: name, stroke: engine(rows[0].engine), dash: pattern(rows[0].likelihood) });
    const extent = d3.extent(panel.points, (point) => point.x);
    const rates = [d3.min(panel.points, (point) => point.low), d3.max(panel.points, (point) => point.high)];
    return plot({
      width: each, height: 320, marginTop: 30, marginLeft: 58,
      x: { type: "log", base: 2, label: panel.along, labelArrow: "none", labelAnchor: "center", domain: [extent[0] / 1.3, extent[1] * 1.3], ticks: logTicks(extent, each), tickFormat: d3.format(",") },
      y: { type: "log", label: null, domain: [rates[0] / 1.3, rates[1] * 1.3], ticks: 5, tickFormat: (d) => d3.format("~s")(d), grid: true },
      marks: [
        heading(panel.name),
        ...series.map(([, rows]) => Plot.lineY(rows, { x: "x", y: "rate", stroke: engine(rows[0].engine), strokeWidth: 2.2, strokeDasharray: pattern(rows[0].likelihood) })),
        Plot.ruleX(panel.points, { x: "x", y1: "low", y2: "high", stroke: (d) => engine(d.engine), strokeWidth: 1.2 }),
        ...series.map(([, rows]) => Plot.dot(rows, { x: "x", y: "rate", symbol: SHAPES[Math.max(0, ENGINES.indexOf(rows[0].engine))], fill: engine(rows[0].engine), r: 3.5 })),
        Plot.tip(panel.points, Plot.pointer({ x: "x", y: "rate", title: (d) => `${d.engine} over ${d.likelihood}\n${d3.format(",")(d.x)} ${panel.along}\n${d3.format(".3~s")(d.rate)} ${panel.name}` })),
      ],
    });
  });
  return { panels, legend: [...keys.values()] };
};
tables.throughput = (data) => [
  ["measure", "engine", "likelihood", "x", "median", "smallest", "largest", "x counts"],
  ...data.panels.flatMap((panel) => panel.points.map((point) => [panel.name, point.engine, point.likelihood, point.x, point.rate, point.low, point.high, panel.along])),
];

/** Powers of two, as many as fit. */
function logTicks([low, high], width) {
  const first = Math.floor(Math.log2(low)), last = Math.ceil(Math.log2(high));
  const step = Math.max(1, Math.ceil((last - first + 1) / (width / 62)));
  return d3.range(first, last + 1, step).map((power) => 2 ** power);
}
