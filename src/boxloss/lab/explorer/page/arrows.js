// Arrows of descent: minus the gradient, at the corners, or of centre and size; and of the angle, if there is one.

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
  return arrowOf(shaft, tip);
}

function arrowOf(shaft, tip) {
  return [
    svg("path", { d: shaft + tip, class: "arrow-halo" }),
    svg("path", { d: shaft, class: "arrow-shaft" }),
    svg("path", { d: tip, class: "arrow-tip" }),
  ];
}

// An arrow about the centre, from a place on.
function arc(x, y, length) {
  if (Math.abs(length) < 2) return [];
  const radius = Math.hypot(x, y);
  const sign = Math.sign(length);
  const along = (distance) => turned(x, y, (sign * distance) / radius);
  const size = Math.abs(length);
  const [end, back] = [along(size), along(size - Math.min(HEAD, size))];
  const [outer, inner] = [1 + (HEAD * 0.6) / radius, 1 - (HEAD * 0.6) / radius].map((by) => back.map((at) => at * by));
  const tip = `M${end}L${outer}L${inner}Z`;
  const shaft = `M${[x, y]}A${radius} ${radius} 0 0 ${sign > 0 ? 1 : 0} ${back}`;
  return arrowOf(shaft, tip);
}

function ofCorners([dx, dy, dw, dh], [halfX, halfY]) {
  return Object.values(HANDLES).flatMap(([signX, signY]) => {
    const vector = scaled(-(dx / 2 + signX * dw), -(dy / 2 + signY * dh));
    return arrow(signX * halfX, signY * halfY, vector);
  });
}

function ofCentre([dx, dy, dw, dh], [halfX, halfY]) {
  return [
    ...arrow(0, 0, scaled(-dx, -dy)),
    ...arrow(-halfX, 0, scaled(dw, 0)),
    ...arrow(halfX, 0, scaled(-dw, 0)),
    ...arrow(0, -halfY, scaled(0, dh)),
    ...arrow(0, halfY, scaled(0, -dh)),
  ];
}

// Of the turn at its handle, by the way that the handle goes.
function ofTurn(d) {
  const [x, y] = turnHandle(state.pred, scene.boxes.pred.side);
  const vector = scaled(0, (-d * scene.perUnit) / Math.hypot(x, y));
  return vector === null ? [] : arc(x, y, vector[1]);
}

// Along the sides of the box, as it is drawn. A corner moves by what the two of its sides do.
function drawArrows() {
  scene.arrows.replaceChildren();
  if (state.arrows === "none" || current.loss === null) return;
  const [, , w, h, angle = 0] = state.pred;
  const format = isRotated() ? "cxcywha" : "cxcywh";
  const [, x, y, dw, dh, dAngle] = valueAndGrad(current.loss, pairOf(state.pred), format);
  const d = [...turned(x, y, -angle), dw, dh];
  const half = onScreen([w / 2, h / 2]);
  scene.arrows.setAttribute("transform", inPlace(state.pred));
  scene.arrows.append(...(state.arrows === "corners" ? ofCorners : ofCentre)(d, half));
  if (dAngle !== undefined) scene.arrows.append(...ofTurn(dAngle));
}
