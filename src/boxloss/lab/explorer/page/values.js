// The value, its terms, the gradient, and the same in Python.

const NO_VALUE = "\u2013";
const MATHS = {
  rho: "\u03c1",
  alpha: "\u03b1",
  beta: "\u03b2",
  gamma: "\u03b3",
  lambda: "\u03bb",
  Omega: "\u03a9",
  Delta: "\u0394",
};

// A formula as plain text, with the signs of mathematics.
const shown = (formula) =>
  formula
    .replace(/\b[A-Za-z]+\b/g, (word) => MATHS[word] ?? word)
    .replace(/\^2/g, "\u00b2")
    .replace(/-/g, "\u2212");

// [name, value] of each summand of the loss: terms of one loss, or the parts of a sum.
function summands(b) {
  if (state.parts.length > 1) {
    return state.parts.map((part) => [
      `${text(part.weight)} \u00d7 ${nameOf(part)}`,
      part.weight * partLoss(part, state.shape).evaluate(b)[0],
    ]);
  }
  const [part] = state.parts;
  const values = termValues(partLoss(part, state.shape), b);
  if (values === null) return [];
  const names = LOSSES.get(part.name).terms.map(shown);
  return values.map((value, k) => [names[k], value]);
}

function termRow(name) {
  const cells = { bar: html("span", { class: "bar" }), number: html("td", { class: "number" }) };
  cells.row = html(
    "tr",
    {},
    html("th", { scope: "row" }, name),
    html("td", { class: "bars", "aria-hidden": "true" }, cells.bar),
    cells.number,
  );
  return cells;
}

// Of boxes of each shape, the formats of their gradients, and in rows what the numbers are called.
const COORDINATES = {
  "axis-aligned": { xyxy: [["x1", "y1", "x2", "y2"]], cxcywh: [["x", "y", "w", "h"]] },
  rotated: { cxcywha: [["x", "y", "w", "h"], ["angle"]] },
};
const table = { names: "", terms: [], shape: "", gradient: [] };

// Rows are made anew where their names change; while a box moves only numbers do.
function showTerms(found) {
  const names = JSON.stringify(found.map(([name]) => name));
  if (names !== table.names) {
    table.names = names;
    table.terms = found.map(([name]) => termRow(name));
    byId("terms").tBodies[0].replaceChildren(...table.terms.map(({ row }) => row));
  }
  const isModified = state.parts.some((part) => part.modifiers.length > 0);
  const caption = isModified ? "Terms, as the modifiers leave them" : "Terms";
  byId("terms").caption.textContent = found.length > 0 ? caption : "";
  const largest = found.reduce((a, [, value]) => Math.max(a, Math.abs(value)), 0);
  found.forEach(([, value], k) => {
    const share = largest > 0 ? clamp(Math.abs(value) / largest, 0, 1) : 0;
    table.terms[k].bar.style.width = `${(100 * share).toFixed(1)}%`;
    table.terms[k].number.textContent = text(value);
  });
}

// Made anew where the shape changes.
function makeGradient() {
  table.shape = state.shape;
  table.gradient = [];
  const rows = Object.values(COORDINATES[state.shape]).flat().flatMap((names) => {
    const cells = names.map(() => html("td", { class: "number" }));
    table.gradient.push(...cells);
    return [html("tr", {}, ...names.map((name) => html("th", { scope: "col" }, name))), html("tr", {}, ...cells)];
  });
  byId("gradient").tBodies[0].replaceChildren(...rows);
  const unit = isRotated() ? ", of the angle per radian" : "";
  byId("gradient").caption.textContent = `Gradient with respect to the prediction${unit}`;
}

function showGradient(b) {
  if (table.shape !== state.shape) makeGradient();
  const formats = Object.keys(COORDINATES[state.shape]);
  const grads = current.loss && formats.flatMap((format) => valueAndGrad(current.loss, b, format).slice(1));
  table.gradient.forEach((cell, k) => (cell.textContent = grads ? text(grads[k], 3) : NO_VALUE));
}

// --- Python -----------------------------------------------------------------------------------------------------

function pythonOf(entry, node, inner) {
  const parameters = [...entry.choices, ...entry.numbers]
    .filter(({ name, start }) => node.values[name] !== start || entry.summary !== undefined)
    .map(({ name }) => {
      const value = node.values[name];
      return `${name}=${typeof value === "string" ? `"${value}"` : written(value)}`;
    });
  const fixed = Object.entries(entry.fixed).map(([name, value]) => `${name}=${value}`);
  return `${entry.python}(${[...inner, ...fixed, ...parameters].join(", ")})`;
}

function pythonOfPart(part) {
  let found = pythonOf(LOSSES.get(part.name), part, []);
  for (const modifier of part.modifiers) found = pythonOf(MODIFIERS.get(modifier.name), modifier, [found]);
  return found;
}

function python(parts, pred, target) {
  const one = parts.length === 1 && parts[0].weight === 1;
  const loss = one ? pythonOfPart(parts[0]) : parts.map((part) => `${part.weight} * ${pythonOfPart(part)}`).join(" + ");
  const rounded = (number) => Number(number.toPrecision(12));
  const array = (box) => `np.asarray([[${(isRotated() ? box : corners(box)).map(rounded).join(", ")}]])`;
  const readsImage = parts.some((part) => LOSSES.get(part.name).image);
  const image = readsImage ? `, image_size=(${WORLD.height}, ${WORLD.width})` : "";
  const format = isRotated() ? ', format="cxcywha"' : "";
  return [
    "import numpy as np",
    "import boxloss as bl",
    "",
    `loss = ${loss}`,
    `pred = ${array(pred)}`,
    `target = ${array(target)}`,
    `value, grad = loss.value_and_grad(pred, target${format}${image})`,
  ].join("\n");
}

// --- On the page ------------------------------------------------------------------------------------------------

function nameOf(part) {
  const around = (inner, { name }) => `${MODIFIERS.get(name).class}(${inner})`;
  return part.modifiers.reduce(around, LOSSES.get(part.name).class);
}

const nameOfLoss = () =>
  state.parts
    .map((part) => (part.weight === 1 ? nameOf(part) : `${text(part.weight)} \u00d7 ${nameOf(part)}`))
    .join(" + ");

onDraw("values", () => {
  const b = pairOf(state.pred);
  byId("value").textContent = current.loss ? text(current.loss.evaluate(b)[0]) : NO_VALUE;
  byId("value-name").textContent = nameOfLoss();
  byId("iou").textContent = text(iouOf(b, state.shape), 3);
  showTerms(current.loss ? summands(b) : []);
  showGradient(b);
  if (byId("code").closest("details").open) showCode();
});

function showCode() {
  const refused = refusal(state.parts, state.shape);
  byId("code").textContent = refused ? `# ${refused}` : python(state.parts, state.pred, state.target);
  byId("copy").disabled = refused !== undefined;
}

// What a reader of the screen hears after a key.
function speak(which) {
  const b = pairOf(state.pred);
  const loss = current.loss ? text(current.loss.evaluate(b)[0], 3) : "not defined for these boxes";
  const angle = isRotated() ? `Angle ${text(inDegrees(state[which]))} degrees. ` : "";
  byId("spoken").textContent = `${angle}Loss ${loss}, IoU ${text(iouOf(b, state.shape), 2)}`;
}

function listenToCode() {
  byId("code").closest("details").addEventListener("toggle", showCode);
  byId("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(byId("code").textContent);
      byId("copy").textContent = "Copied";
    } catch {
      window.getSelection().selectAllChildren(byId("code"));
      byId("copy").textContent = "Selected: press the keys that copy";
    }
    window.setTimeout(() => (byId("copy").textContent = "Copy"), 2000);
  });
}
