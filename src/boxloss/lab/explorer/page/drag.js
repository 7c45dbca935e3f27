// Moving, resizing and turning the boxes, with a pointer or with keys.

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TURNS = { "[": -1, "]": 1 };
const STEP_OF_KEY = 0.05;
const DEGREES_OF_KEY = 5;
const COARSE_TURN = 15; // degrees, with Shift
const NEAR_QUARTER = 1.5; // degrees within which a turn ends at a quarter turn
const drag = { active: null, moved: false };

function moved([x, y, ...others], dx, dy) {
  return [clamp(x + dx, 0, WORLD.width), clamp(y + dy, 0, WORLD.height), ...others];
}

// The corner across from the handle stays.
function resized([x, y, w, h, ...turn], handle, dx, dy) {
  const [angle = 0] = turn;
  const [signX, signY] = HANDLES[handle];
  const [along, across] = turned(dx, dy, -angle);
  const [wide, high] = [Math.max(w + signX * along, SMALLEST), Math.max(h + signY * across, SMALLEST)];
  const [moveX, moveY] = turned((signX * (wide - w)) / 2, (signY * (high - h)) / 2, angle);
  return [x + moveX, y + moveY, wide, high, ...turn];
}

// The side of the box with the handle faces a point.
function facing([x, y, w, h], side, [pointX, pointY], isCoarse) {
  const degrees = Math.atan2(pointY - y, pointX - x) / DEGREE - 90 * side;
  const quarter = 90 * Math.round(degrees / 90);
  const fine = Math.abs(degrees - quarter) < NEAR_QUARTER ? quarter : Math.round(10 * degrees) / 10;
  return [x, y, w, h, inRadians(isCoarse ? COARSE_TURN * Math.round(degrees / COARSE_TURN) : fine)];
}

// Boxes with an angle, or without: those of the other shape keep their places.
function setShape(shape) {
  if (shape === state.shape) return;
  leaveExample();
  state.shape = shape;
  for (const which of ["pred", "target"]) {
    const box = state[which].slice(0, 4);
    state[which] = isRotated() ? [...box, 0] : box;
  }
  rolling.start = null;
  shapeChanged();
}

function shapeChanged() {
  changedLoss();
  showParts();
  showSettings();
}

function setBox(which, box) {
  if (!examples.shown?.invites) leaveExample();
  state[which] = box;
  endRun();
  boxesChanged();
}

function pointOf(event) {
  const { left, top } = byId("boxes").getBoundingClientRect();
  return [(event.clientX - left) / scene.perUnit, (event.clientY - top) / scene.perUnit];
}

function pressed(event) {
  drag.moved = false;
  const handle = event.target.dataset.handle;
  const group = event.target.closest("[data-box]");
  if (handle === undefined || event.button > 0) return;
  const which = group.dataset.box;
  event.preventDefault();
  group.focus({ preventScroll: true });
  group.setPointerCapture(event.pointerId);
  group.classList.add("held");
  const side = scene.boxes[which].side;
  drag.active = { which, handle, group, side, pointer: event.pointerId, from: pointOf(event), box: state[which] };
}

function dragged(event) {
  if (drag.active === null || event.pointerId !== drag.active.pointer) return;
  const { which, handle, side, from, box } = drag.active;
  const [x, y] = pointOf(event);
  const [dx, dy] = [x - from[0], y - from[1]];
  if (dx === 0 && dy === 0) return;
  drag.moved = true;
  if (handle === "turn") {
    setShape("rotated");
    setBox(which, facing(box, side, [x, y], event.shiftKey));
  } else {
    setBox(which, handle === "move" ? moved(box, dx, dy) : resized(box, handle, dx, dy));
  }
}

function released(event) {
  if (drag.active === null || event.pointerId !== drag.active.pointer) return;
  drag.active.group.classList.remove("held");
  drag.active = null;
}

// A click on the ground puts the prediction there.
function clicked(event) {
  if (event.target !== byId("boxes") || drag.moved) return;
  const [x, y] = pointOf(event);
  setBox("pred", moved([0, 0, ...state.pred.slice(2)], x, y));
}

// What a key makes of a box; undefined if it is no key for boxes.
function afterKey(box, event) {
  const [x, y, w, h, ...turn] = box;
  const rounded = (number) => Math.round(number * 1e6) / 1e6;
  if (TURNS[event.key] !== undefined && !event.metaKey) {
    return [x, y, w, h, inRadians(rounded(inDegrees(box) + TURNS[event.key] * DEGREES_OF_KEY))];
  }
  const direction = KEYS[event.key];
  if (direction === undefined || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const [dx, dy] = direction.map((sign) => sign * STEP_OF_KEY);
  const found = event.shiftKey
    ? [x, y, Math.max(w + dx, SMALLEST), Math.max(h + dy, SMALLEST)]
    : moved([x, y, w, h], dx, dy);
  return [...found.map(rounded), ...turn];
}

function keyed(event) {
  if (drag.active !== null) return; // it goes on from the box that it began with
  const group = event.target.closest("[data-box]");
  const box = group && afterKey(state[group.dataset.box], event);
  if (!box) return;
  event.preventDefault();
  if (box.length > 4) setShape("rotated");
  setBox(group.dataset.box, box);
  speak(group.dataset.box);
}

function listenToBoxes() {
  const root = byId("boxes");
  root.addEventListener("pointerdown", pressed);
  root.addEventListener("pointermove", dragged);
  for (const name of ["pointerup", "pointercancel"]) root.addEventListener(name, released);
  root.addEventListener("click", clicked);
  // A finger on a box moves it, and the page only beside it: touch-action of SVG is not heeded everywhere.
  const held = (event) => event.target.closest("[data-box]") !== null && event.preventDefault();
  root.addEventListener("touchstart", held, { passive: false });
  root.addEventListener("keydown", keyed);
}
