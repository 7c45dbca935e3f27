// What the page shows, and what is drawn again when it changes.

const WORLD = { width: 6, height: 4.5 };
const IMAGE = [WORLD.width, WORLD.height];
const SMALLEST = 0.05; // side of a box
const RATES = { sgd: 0.05, momentum: 0.01, adam: 0.03 };

const state = {
  parts: START.parts,
  pred: [1.5, 1.2, 1.2, 1.4],
  target: [4, 2.7, 1.7, 1.1],
  arrows: "corners",
  optimizer: "sgd",
  rates: { ...RATES },
  momentum: 0.9,
  parametrisation: "cxcywh",
};

// The loss of the parts, made again only when they change.
const current = { loss: wholeLoss(state.parts) };

const byId = (id) => document.getElementById(id);
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

const corners = ([x, y, w, h]) => [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
const centred = ([x1, y1, x2, y2]) => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1];
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const pairOf = (pred, target = state.target) => [...corners(pred), ...corners(target), ...IMAGE];

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
  refresh("landscape", "scene", "values");
}

function lossChanged() {
  current.loss = wholeLoss(state.parts);
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
