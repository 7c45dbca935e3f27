// Arrows of descent: minus the gradient, at the corners, or of centre and size.

const LONGEST = 62; // pixels
const HEAD = 7;

// The median slope of the scene gives half the longest arrow, so that arrows shrink where a loss fades.
function scaled(dx, dy) {
  const slope = Math.hypot(dx, dy);
  if (!(slope > 1e-9)) return null;
  const length = (LONGEST * slope) / (slope + ground.slope);
  return [(dx / slope) * length, (dy / slope) * length];
}

function arrow(x, y, vector) {
  if (vector === null) return [];
  const [dx, dy] = vector;
  const length = Math.hypot(dx, dy);
  if (length < 2) return [];
  const [ux, uy] = [dx / length, dy / length];
  const head = Math.min(HEAD, length);
  const [ex, ey] = [x + dx, y + dy];
  const [bx, by] = [ex - ux * head, ey - uy * head];
  const [sideX, sideY] = [uy * head * 0.6, ux * head * 0.6];
  const tip = `M${ex} ${ey}L${bx - sideX} ${by + sideY}L${bx + sideX} ${by - sideY}Z`;
  const shaft = `M${x} ${y}L${bx} ${by}`;
  return [
    svg("path", { d: shaft + tip, class: "arrow-halo" }),
    svg("path", { d: shaft, class: "arrow-shaft" }),
    svg("path", { d: tip, class: "arrow-tip" }),
  ];
}

function ofCorners(b) {
  const [, d1x, d1y, d2x, d2y] = valueAndGrad(current.loss, b);
  const [x1, y1, x2, y2] = onScreen(corners(state.pred));
  return [
    [x1, y1, d1x, d1y],
    [x2, y1, d2x, d1y],
    [x1, y2, d1x, d2y],
    [x2, y2, d2x, d2y],
  ].flatMap(([x, y, dx, dy]) => arrow(x, y, scaled(-dx, -dy)));
}

function ofCentre() {
  const [, dx, dy, dw, dh] = valueAndGrad(current.loss, [...state.pred, ...state.target, ...IMAGE], "cxcywh");
  const [x, y] = onScreen(state.pred);
  const [x1, y1, x2, y2] = onScreen(corners(state.pred));
  return [
    ...arrow(x, y, scaled(-dx, -dy)),
    ...arrow(x1, y, scaled(dw, 0)),
    ...arrow(x2, y, scaled(-dw, 0)),
    ...arrow(x, y1, scaled(0, dh)),
    ...arrow(x, y2, scaled(0, -dh)),
  ];
}

function drawArrows() {
  const found = { corners: () => ofCorners(pairOf(state.pred)), centre: ofCentre, none: () => [] }[state.arrows]();
  scene.arrows.replaceChildren(...found);
}
