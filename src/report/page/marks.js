"use strict";
// Functions that all figures share: colours, panels, clouds of points, legends.

const report = JSON.parse(document.getElementById("report-data").textContent);

// For each kind of figure, a function (data, width, state) => { panels, legend?, controls? }, and one for its rows of
// CSV.
const drawers = {};
const tables = {};

const SLOTS = 7;
const colour = (slot) => `var(--run${slot % SLOTS})`;
const DASHES = [null, "7 2", "2 2", "9 2 2 2", "4 4", "1 3", "9 2 4 2"];
const dash = (slot) => DASHES[slot % SLOTS];

/** An element whose strings are inserted as text, never as markup. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A long name loses its middle. */
function shortened(name, most = 28) {
  const letters = [...name];
  if (letters.length <= most) return name;
  const end = Math.floor(most / 3);
  return letters.slice(0, most - end - 1).join("") + "…" + letters.slice(-end).join("");
}

/** The points of a curve with equal steps. */
const points = ({ low, step, y }) => y.map((value, i) => ({ x: low + i * step, y: value }));

/** The width of a panel, if as many panels of at least `least` pixels as possible are side by side. */
function columns(width, count, least, most = Infinity) {
  const fit = Math.max(1, Math.min(count, Math.floor((width + 14) / (least + 14))));
  return Math.min(most, Math.floor((width + 14) / fit - 14));
}

/** A plot in the page's font; text has 12 pixels at any width. */
function plot(options) {
  const made = Plot.plot({
    marginLeft: 46,
    marginBottom: 38,
    marginRight: 12,
    ...options,
    style: { fontSize: "12px", background: "none", ...options.style },
  });
  made.removeAttribute("role");
  return made;
}

/** A number in ticks and tips: four digits, without trailing zeros. */
const short = (value) => (value === 0 ? "0" : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? d3.format(".3~e")(value) : d3.format(".4~r")(value));

/** Few ticks, so that labels do not touch. */
const axis = (label, width, more = {}) => ({ label, ticks: Math.max(2, Math.floor(width / 80)), tickFormat: ticks, ...more });
const ticks = (value) => (value === 0 ? "0" : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-4 ? d3.format(".4~e")(value) : String(+value.toPrecision(8)).replace("-", "−"));

/** Thousands of dots as one path: a circle for each would make the page slow. */
function cloud(xs, ys, { size = 3, stroke, opacity = 0.5 }) {
  return (index, { x, y }, values, { marginLeft, marginRight, marginTop, marginBottom, width, height }) => {
    const inside = (px, py) => px >= marginLeft && px <= width - marginRight && py >= marginTop && py <= height - marginBottom;
    const path = xs.map((value, i) => [x(value), y(ys[i])]).filter(([px, py]) => inside(px, py));
    const d = path.map(([px, py]) => `M${px.toFixed(1)},${py.toFixed(1)}h0`).join("");
    return svg("path", { d, fill: "none", stroke, "stroke-width": size, "stroke-linecap": "round", "stroke-opacity": opacity });
  };
}

/** Divergences: crosses in the warning colour, with an edge that shows on any cloud. */
function crosses(xs, ys) {
  return (index, { x, y }, values, { marginLeft, marginRight, marginTop, marginBottom, width, height }) => {
    const inside = (px, py) => px >= marginLeft && px <= width - marginRight && py >= marginTop && py <= height - marginBottom;
    const places = xs.map((value, i) => [x(value), y(ys[i])]).filter(([px, py]) => inside(px, py));
    // Many crosses are small, so that they do not hide the draws.
    const many = xs.length > 150;
    const r = many ? 2 : 4;
    const d = places.map(([px, py]) => `M${(px - r).toFixed(1)},${(py - r).toFixed(1)}l${2 * r},${2 * r}m${-2 * r},0l${2 * r},${-2 * r}`).join("");
    const drawn = svg("g", { fill: "none", "stroke-linecap": "round" });
    if (!many) drawn.append(svg("path", { d, stroke: "var(--page)", "stroke-width": 4 }));
    drawn.append(svg("path", { d, stroke: "var(--mark)", "stroke-width": many ? 1 : 2, "stroke-opacity": many ? 0.7 : 1 }));
    return drawn;
  };
}

/** Lines with common xs, a path each. */
function lines(xs, rows, { strokes, width = 1, opacity = 1 }) {
  return (index, { x, y }) => {
    const all = svg("g", { fill: "none", "stroke-width": width, "stroke-opacity": opacity, "stroke-linejoin": "round" });
    const px = xs.map((value) => x(value).toFixed(1));
    rows.forEach((row, i) => {
      const d = row.map((value, j) => `${j ? "L" : "M"}${px[j]},${y(value).toFixed(1)}`).join("");
      all.append(svg("path", { d, stroke: strokes(i) }));
    });
    return all;
  };
}

function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) made.setAttribute(key, value);
  return made;
}

/** Shades of a run's colour, one for each chain. */
const shade = (slot, i, count) => (count < 2 ? colour(slot) : `color-mix(in srgb, ${colour(slot)} ${Math.round(100 - (45 * i) / (count - 1))}%, var(--text))`);

/** Entries: { label, stroke, dash, width, shape: line, dot, ring, triangle, square, area or cross }. */
function legend(entries) {
  return entries.map(({ label, stroke, dash: pattern, shape = "line", width = 2.5 }) => {
    const key = svg("svg", { width: 26, height: 14, "aria-hidden": "true" });
    if (shape === "line") key.append(svg("path", { d: "M1,7h24", stroke, "stroke-width": width, "stroke-dasharray": pattern }));
    if (shape === "dot") key.append(svg("circle", { cx: 13, cy: 7, r: 4, fill: stroke }));
    if (shape === "ring") key.append(svg("circle", { cx: 13, cy: 7, r: 4, fill: "none", stroke, "stroke-width": 1.5 }));
    if (shape === "triangle") key.append(svg("path", { d: "M13,2l5,9h-10z", fill: "none", stroke, "stroke-width": 1.5 }));
    if (shape === "square") key.append(svg("rect", { x: 9, y: 3, width: 8, height: 8, fill: "none", stroke, "stroke-width": 1.5 }));
    if (shape === "area") key.append(svg("rect", { x: 3, y: 2, width: 20, height: 10, fill: stroke, "fill-opacity": 0.3 }));
    if (shape === "cross") key.append(svg("path", { d: "M9,3l8,8m-8,0l8,-8", stroke, "stroke-width": 2, fill: "none" }));
    return element("span", {}, key, label);
  });
}

/** The most letters of a panel's title, and the width of a panel for titles of that length at most. */
const HEADING = 34;
const titled = (titles, least) => Math.max(least, 46 + 7.4 * Math.min(HEADING, d3.max(titles, (title) => [...title].length)));

/** A title inside a panel, above the plot. */
const heading = (text, slot) =>
  Plot.text([shortened(text, HEADING)], { frameAnchor: "top-left", dy: -16, fontWeight: 600, fill: slot == null ? "currentColor" : colour(slot), text: (d) => d, title: [text] });
