"use strict";
// Texts of the stash reach the page as text nodes only.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const MOST_PLOTS = 24;

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  return made;
}

function drawn(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const names = [...new Set(data.tags.flatMap(tag => tag.snapshots.map(one => one.name)))].sort();

function of(tag, name) { return tag.snapshots.find(one => one.name === name); }

function frozen(name) { return data.tags.filter(tag => of(tag, name)); }

// The rows of a snapshot: each value, figure, commit and override under its kind.
function rows(snapshot) {
  const found = new Map();
  for (const [tool, pin] of Object.entries(snapshot.commits)) found.set("code\u0000" + tool, pin.slice(0, 12));
  for (const [key, value] of Object.entries(snapshot.config)) found.set("config\u0000" + key, value);
  for (const [key, value] of Object.entries(snapshot.late)) found.set("late\u0000" + key, value);
  for (const [key, value] of Object.entries(snapshot.figures)) found.set("figure\u0000" + key, String(value));
  for (const key of ["python", "platform"]) if (snapshot.facts[key]) found.set("environment\u0000" + key, snapshot.facts[key]);
  return found;
}

const experiment = element("select", undefined, { id: "experiment", "aria-label": "Experiment" });
const chosen = element("select", undefined, { id: "tags", multiple: "", size: "6", "aria-label": "Tags" });
const differing = element("input", undefined, { id: "differing", type: "checkbox", checked: "" });

function offerTags() {
  const tags = frozen(experiment.value);
  chosen.replaceChildren(...tags.slice().reverse().map((tag, number) => {
    const option = element("option", tag.tag, { value: tag.tag });
    option.selected = number < 2;
    return option;
  }));
}

function compare() {
  const wanted = new Set([...chosen.selectedOptions].map(option => option.value));
  const tags = frozen(experiment.value).filter(tag => wanted.has(tag.tag));
  const columns = tags.map(tag => rows(of(tag, experiment.value)));
  const keys = [...new Set(columns.flatMap(column => [...column.keys()]))];
  const table = element("table");
  const head = table.createTHead().insertRow();
  for (const text of ["kind", "key", ...tags.map(tag => tag.tag)]) head.append(element("th", text));
  const body = table.createTBody();
  for (const key of keys) {
    const values = columns.map(column => column.get(key));
    const differs = new Set(values).size > 1;
    if (!differs && differing.checked) continue;
    const row = body.insertRow();
    if (differs) row.className = "differs";
    const [kind, name] = key.split("\u0000");
    row.append(element("th", kind), element("th", name), ...values.map(value => element("td", value === undefined ? "" : value)));
  }
  const told = !tags.length ? "Choose tags." : body.rows.length ? "" : "Nothing differs.";
  document.getElementById("comparison").replaceChildren(told ? element("p", told) : table);
}

function plot(name, points) {
  const [width, height, left, bottom] = [340, 160, 60, 20];
  const values = points.map(point => point.value);
  const low = Math.min(...values), high = Math.max(...values), span = high - low || 1;
  const x = number => left + (width - left - 10) * (points.length > 1 ? number / (points.length - 1) : .5);
  const y = value => 10 + (height - bottom - 20) * (1 - (value - low) / span);
  const svg = drawn("svg", { class: "plot", width, height, role: "img", "aria-label": name });
  for (const value of new Set([low, high])) {
    svg.append(drawn("line", { x1: left, x2: width, y1: y(value), y2: y(value) }));
    svg.append(drawn("text", { x: left - 4, y: y(value) + 4, "text-anchor": "end" }, Number(value.toPrecision(4))));
  }
  svg.append(drawn("path", { d: points.map((point, number) => `${number ? "L" : "M"}${x(number)},${y(point.value)}`).join("") }));
  points.forEach((point, number) => {
    const dot = drawn("circle", { cx: x(number), cy: y(point.value), r: 3 });
    dot.append(drawn("title", {}, `${point.tag}: ${point.value}`));
    svg.append(dot);
  });
  svg.append(drawn("text", { x: left, y: height - 4 }, points[0].tag));
  svg.append(drawn("text", { x: width - 4, y: height - 4, "text-anchor": "end" }, points[points.length - 1].tag));
  const figure = element("figure");
  figure.append(svg, element("figcaption", name));
  return figure;
}

function draw() {
  const tags = frozen(experiment.value);
  const keys = [...new Set(tags.flatMap(tag => Object.keys(of(tag, experiment.value).figures)))];
  const plots = keys.slice(0, MOST_PLOTS).map(key => plot(key, tags
    .map(tag => ({ tag: tag.tag, value: of(tag, experiment.value).figures[key] }))
    .filter(point => Number.isFinite(point.value))));
  if (keys.length > MOST_PLOTS) plots.push(element("p", `and ${keys.length - MOST_PLOTS} more figures`));
  if (!plots.length) plots.push(element("p", "No figures are recorded (snapshot --run records them)."));
  document.getElementById("plots").replaceChildren(...plots);
}

if (names.length) {
  experiment.append(...names.map(name => element("option", name, { value: name })));
  const label = element("label", "only what differs ");
  label.prepend(differing);
  document.getElementById("choice").append(experiment, chosen, label);
  experiment.addEventListener("change", () => { offerTags(); compare(); draw(); });
  chosen.addEventListener("change", compare);
  differing.addEventListener("change", compare);
  offerTags();
  compare();
  draw();
}
