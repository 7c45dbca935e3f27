// What the page shows, and what is drawn again when it changes.

const WORLD = { width: 6, height: 4.5 };
const IMAGE = [WORLD.width, WORLD.height];
const SMALLEST = 0.05; // side of a box
const DEGREE = Math.PI / 180;
const RATES = { sgd: 0.05, momentum: 0.01, adam: 0.03 };

// Boxes are (x, y, w, h), and of the shape "rotated" (x, y, w, h, angle) with the angle in radians, clockwise.
const state = {
  parts: START.parts,
  shape: "axis-aligned",
  pred: [1.5, 1.2, 1.2, 1.4],
  target: [4, 2.7, 1.7, 1.1],
  arrows: "corners",
  optimizer: "sgd",
  rates: { ...RATES },
  momentum: 0.9,
  parametrisation: "cxcywh",
};

// The loss of the parts, made again only when they change; null if it is not defined for the shape.
const current = { loss: wholeLoss(state.parts, state.shape) };

const byId = (id) => document.getElementById(id);
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

const corners = ([x, y, w, h]) => [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const isRotated = () => state.shape === "rotated";
const decoded = (box) => traced[state.shape].decode(box);
const pairOf = (pred, target = state.target) => [...decoded(pred), ...decoded(target), ...IMAGE];

function turned(x, y, angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos * x - sin * y, sin * x + cos * y];
}

// Without the last digits that a conversion leaves; in radians at most half a turn either way.
const inDegrees = ([, , , , angle = 0]) => Number((angle / DEGREE).toPrecision(12));
const inRadians = (degrees) => (degrees - 360 * Math.ceil((degrees - 180) / 360)) * DEGREE;

function text(value, digits = 4) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const found = size >= 1e5 || size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(digits)));
  return found.replace(/-/g, "\u2212");
}

// --- Drawing again ----------------------------------------------------------------------------------------------

const drawers = new Map(); // by what they draw
const stale = new Set();

const onDraw = (what, draw) => drawers.set(what, draw);

function refresh(...what) {
  if (stale.size === 0) window.requestAnimationFrame(drawStale);
  for (const one of what) stale.add(one);
}

function drawStale() {
  const names = [...drawers.keys()].filter((name) => stale.has(name));
  stale.clear();
  for (const name of names) drawers.get(name)();
}

// The same where whoever drags sees it in this frame.
const refreshAll = () => refresh(...drawers.keys());

function boxesChanged() {
  refresh("landscape", "scene", "values", "angles");
}

function lossChanged() {
  current.loss = wholeLoss(state.parts, state.shape);
  refreshAll();
}

// --- Making elements --------------------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const svg = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);
const html = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
