// Moving and resizing the boxes, with a pointer or with keys.

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP_OF_KEY = 0.05;
const drag = { active: null, moved: false };

function moved([x, y, w, h], dx, dy) {
  return [clamp(x + dx, 0, WORLD.width), clamp(y + dy, 0, WORLD.height), w, h];
}

function resized(box, handle, dx, dy) {
  const c = corners(box);
  const [i, j] = HANDLES[handle];
  c[i] += dx;
  c[j] += dy;
  const [fixedX, fixedY] = [c[2 - i], c[4 - j]];
  c[i] = i === 0 ? Math.min(c[0], fixedX - SMALLEST) : Math.max(c[2], fixedX + SMALLEST);
  c[j] = j === 1 ? Math.min(c[1], fixedY - SMALLEST) : Math.max(c[3], fixedY + SMALLEST);
  return centred(c);
}

function setBox(which, box) {
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
  drag.active = { which, handle, group, pointer: event.pointerId, from: pointOf(event), box: state[which] };
}

function dragged(event) {
  if (drag.active === null || event.pointerId !== drag.active.pointer) return;
  const { which, handle, from, box } = drag.active;
  const [x, y] = pointOf(event);
  const [dx, dy] = [x - from[0], y - from[1]];
  if (dx === 0 && dy === 0) return;
  drag.moved = true;
  setBox(which, handle === "move" ? moved(box, dx, dy) : resized(box, handle, dx, dy));
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

function keyed(event) {
  const group = event.target.closest("[data-box]");
  const direction = KEYS[event.key];
  if (group === null || direction === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const which = group.dataset.box;
  const [dx, dy] = direction.map((sign) => sign * STEP_OF_KEY);
  const rounded = (number) => Math.round(number * 1e6) / 1e6;
  const [x, y, w, h] = state[which];
  const box = event.shiftKey
    ? [x, y, Math.max(w + dx, SMALLEST), Math.max(h + dy, SMALLEST)]
    : moved([x, y, w, h], dx, dy);
  setBox(which, box.map(rounded));
  speak();
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
