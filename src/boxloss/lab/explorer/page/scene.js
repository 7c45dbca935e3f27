// The two boxes, their handles and the path of the ball, as SVG over the ground; all of it in pixels.

const NAMES = { target: "Target", pred: "Prediction" };
const HANDLES = { nw: [0, 1], ne: [2, 1], sw: [0, 3], se: [2, 3] }; // which corner coordinates they move
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
      handles: Object.keys(HANDLES).map((handle) => ({
        handle,
        hit: svg("circle", { class: `hit ${handle}`, r: TOUCH, "data-handle": handle }),
        dot: svg("circle", { class: "dot", r: 5 }),
      })),
    };
    const dots = box.handles.flatMap(({ hit, dot }) => [hit, dot]);
    box.group = svg(
      "g",
      { class: `box ${which}`, tabindex: "0", role: "group", "aria-roledescription": "box", "data-box": which },
      box.halo,
      box.body,
      box.label,
      ...dots,
    );
    scene.boxes[which] = box;
  }
  root.append(scene.boxes.target.group, scene.path, scene.boxes.pred.group, scene.arrows);
}

function place(which) {
  const { body, halo, label, handles, group } = scene.boxes[which];
  const [x1, y1, x2, y2] = onScreen(corners(state[which]));
  const sides = { x: x1, y: y1, width: Math.max(x2 - x1, 0), height: Math.max(y2 - y1, 0) };
  for (const rect of [halo, body]) fill(rect, sides, []);
  // One above and one below, so that they can be read where the boxes agree.
  const [above, below] = [y1 - 8, y2 + 19];
  const y = which === "pred" ? (above > 14 ? above : below) : below < scene.perUnit * WORLD.height ? below : above;
  fill(label, { x: clamp(x1, 4, scene.width - 76), y }, []);
  // What a finger meets lies outside, so that a small box can still be moved.
  const outside = clamp((TOUCH * 2.2 - Math.min(x2 - x1, y2 - y1) / 2) / 2, 4, TOUCH * 0.7);
  for (const { handle, hit, dot } of handles) {
    const [isWest, isNorth] = [handle.includes("w"), handle.includes("n")];
    const [cx, cy] = [isWest ? x1 : x2, isNorth ? y1 : y2];
    fill(dot, { cx, cy }, []);
    fill(hit, { cx: isWest ? cx - outside : cx + outside, cy: isNorth ? cy - outside : cy + outside }, []);
  }
  const [x, middle, w, h] = state[which].map((number) => text(number, 3));
  group.setAttribute("aria-label", `${NAMES[which]}: centre ${x}, ${middle}; ${w} wide, ${h} high`);
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
