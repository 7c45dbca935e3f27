// The two boxes, their handles and the path of the ball, as SVG over the ground; all of it in pixels.
//
// A box and its handles are drawn about its centre, along its own sides, and then put in place.

const NAMES = { target: "Target", pred: "Prediction" };
const HANDLES = { nw: [-1, -1], ne: [1, -1], sw: [-1, 1], se: [1, 1] };
const SIDES = [0, 1, 2, 3]; // quarter turns from +x, to where the handle is that turns a box
const STEM = 34; // from there to the handle
const CURSORS = ["ew", "nwse", "ns", "nesw"]; // by eighths of a turn
const TOUCH = 22; // radius of what a finger meets, in pixels
const scene = { width: 0, perUnit: 100, boxes: {} };

const onScreen = (numbers) => numbers.map((number) => number * scene.perUnit);

function makeScene() {
  const root = byId("boxes");
  scene.path = svg("g", { class: "path", "aria-hidden": "true" });
  scene.arrows = svg("g", { class: "arrows", "aria-hidden": "true" });
  for (const which of ["target", "pred"]) {
    const box = {
      body: svg("rect", { class: "body", "data-handle": "move" }),
      halo: svg("rect", { class: "halo" }),
      label: svg("text", { class: "label" }, NAMES[which].toLowerCase()),
      side: 0,
      stem: svg("line", { class: "stem" }),
      turn: svg("circle", { class: "dot turn-dot", r: 6 }),
      turnHit: svg("circle", { class: "hit turn", r: TOUCH, "data-handle": "turn" }),
      handles: Object.keys(HANDLES).map((handle) => ({
        handle,
        hit: svg("circle", { class: "hit", r: TOUCH, "data-handle": handle }),
        dot: svg("circle", { class: "dot", r: 5 }),
      })),
    };
    const dots = box.handles.flatMap(({ hit, dot }) => [hit, dot]);
    box.frame = svg("g", {}, box.stem, box.halo, box.body, box.turnHit, box.turn, ...dots);
    box.group = svg(
      "g",
      { class: `box ${which}`, tabindex: "0", role: "group", "aria-roledescription": "box", "data-box": which },
      box.frame,
      box.label,
    );
    scene.boxes[which] = box;
  }
  root.append(scene.boxes.target.group, scene.path, scene.boxes.pred.group, scene.arrows);
}

// Where the handle that turns a box is, along its own sides, in pixels.
function turnHandle([, , w, h], side, stem = STEM) {
  const [alongX, alongY] = turned(1, 0, side * 90 * DEGREE).map(Math.round);
  const [halfX, halfY] = onScreen([w / 2, h / 2]);
  return [alongX * (halfX + stem), alongY * (halfY + stem)];
}

// In sight: at the same side as before if it can be; while it is held, in any case.
function sideInSight(which) {
  const { side } = scene.boxes[which];
  const box = state[which];
  const [x, y, , , angle = 0] = box;
  if (drag.active?.which === which && drag.active.handle === "turn") return side;
  const isInSight = (one) => {
    const [dx, dy] = turned(...turnHandle(box, one), angle);
    const [atX, atY] = [x * scene.perUnit + dx, y * scene.perUnit + dy];
    return atX > 10 && atX < scene.width - 10 && atY > 10 && atY < scene.perUnit * WORLD.height - 10;
  };
  return [side, ...SIDES].find(isInSight) ?? side;
}

function place(which) {
  const own = scene.boxes[which];
  const box = state[which];
  const [x, y, w, h, angle = 0] = box;
  const upright = [x, y, Math.max(w, 0), Math.max(h, 0)];
  const [centreX, centreY, wide, high] = onScreen(upright);
  own.frame.setAttribute("transform", inPlace(box));
  for (const rect of [own.halo, own.body]) fill(rect, { x: -wide / 2, y: -high / 2, width: wide, height: high }, []);
  own.side = sideInSight(which);
  const [turnX, turnY] = turnHandle(upright, own.side);
  const [edgeX, edgeY] = turnHandle(upright, own.side, 0);
  fill(own.stem, { x1: edgeX, y1: edgeY, x2: turnX, y2: turnY }, []);
  for (const circle of [own.turn, own.turnHit]) fill(circle, { cx: turnX, cy: turnY }, []);
  // What a finger meets lies outside, so that a small box can still be moved.
  const outside = clamp((TOUCH * 2.2 - Math.min(wide, high) / 2) / 2, 4, TOUCH * 0.7);
  for (const { handle, hit, dot } of own.handles) {
    const [signX, signY] = HANDLES[handle];
    fill(dot, { cx: (signX * wide) / 2, cy: (signY * high) / 2 }, []);
    hit.style.cursor = `${CURSORS[(4 + Math.round(angle / DEGREE / 45 + signX * signY)) & 3]}-resize`;
    fill(hit, { cx: signX * (wide / 2 + outside), cy: signY * (high / 2 + outside) }, []);
  }
  placeLabel(which, [centreX, centreY], extent(wide, high, angle));
  const turn = isRotated() ? `, turned by ${text(inDegrees(box), 4)} degrees` : "";
  const [centre, size] = [[x, y], [w, h]].map((numbers) => numbers.map((number) => text(number, 3)));
  const told = `${NAMES[which]}: centre ${centre.join(", ")}; ${size[0]} wide, ${size[1]} high${turn}`;
  own.group.setAttribute("aria-label", told);
}

// Half the extents of a turned box along x and y.
function extent(wide, high, angle) {
  const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
  return [(wide * cos + high * sin) / 2, (wide * sin + high * cos) / 2];
}

// One above and one below, so that they can be read where the boxes agree.
function placeLabel(which, [x, y], [halfX, halfY]) {
  const { label } = scene.boxes[which];
  const [above, below] = [y - halfY - 8, y + halfY + 19];
  const at = which === "pred" ? (above > 14 ? above : below) : below < scene.perUnit * WORLD.height ? below : above;
  const angle = isRotated() ? ` ${text(Number(inDegrees(state[which]).toFixed(1)), 4)}\u00b0` : "";
  label.textContent = NAMES[which].toLowerCase() + angle;
  fill(label, { x: clamp(x - halfX, 4, scene.width - (angle ? 124 : 76)), y: at }, []);
}

function inPlace(box) {
  const turn = isRotated() ? ` rotate(${inDegrees(box)})` : "";
  return `translate(${onScreen(box.slice(0, 2))})${turn}`;
}

function drawPath() {
  const run = activeRun();
  scene.path.replaceChildren();
  if (run === undefined || run.boxes.length === 0) return;
  const points = thinned(run.boxes.length).map((k) => onScreen(run.boxes[k].slice(0, 2)).join(" "));
  const [cx, cy] = onScreen(run.boxes[run.boxes.length - 1]);
  scene.path.append(
    svg("polyline", { points: points.join(" "), class: "trail-halo" }),
    svg("polyline", { points: points.join(" "), class: "trail" }),
    svg("circle", { cx, cy, r: 6, class: "ball-dot" }),
  );
}

// The width is read where it changes: reading it while drawing makes the browser lay the page out.
function measured() {
  scene.width = byId("scene").clientWidth;
  scene.perUnit = scene.width / WORLD.width;
  byId("boxes").setAttribute("viewBox", `0 0 ${scene.width} ${scene.perUnit * WORLD.height}`);
  refreshAll();
}

onDraw("scene", () => {
  place("target");
  place("pred");
  drawPath();
  drawArrows();
});
