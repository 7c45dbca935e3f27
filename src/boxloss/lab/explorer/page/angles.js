// Boxes with an angle: the switch, and a slider for the angle of each.

const ANGLE = { low: -180, high: 180, step: 1 };
const angles = {};

function showAngles() {
  byId("rotated").checked = isRotated();
  byId("angles").hidden = !isRotated();
  if (!isRotated()) return;
  for (const which of ["pred", "target"]) {
    angles[which] = slider(`${NAMES[which]}, degrees`, inDegrees(state[which]), ANGLE, (wanted) => {
      if (wanted !== undefined) setBox(which, [...state[which].slice(0, 4), inRadians(wanted)]);
      return inDegrees(state[which]);
    });
  }
  byId("angles").replaceChildren(angles.pred, angles.target);
}

onDraw("angles", () => {
  if (!isRotated()) return;
  for (const which of ["pred", "target"]) angles[which].show(inDegrees(state[which]));
});

function listenToAngles() {
  byId("rotated").addEventListener("change", (event) => setShape(event.target.checked ? "rotated" : "axis-aligned"));
}
