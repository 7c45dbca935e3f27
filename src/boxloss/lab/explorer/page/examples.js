// Things to try: boxes, a loss, and what there is to see.

const TURNED = { pred: [1.5, 1.4, 1.6, 0.6, 60 * DEGREE], target: [4.3, 3, 1.6, 0.6, 0] };
const APART = { pred: [1.35, 1.15, 1.2, 1.4], target: [4.3, 3, 1.7, 1.1] };
const examples = { shown: null };
const EXAMPLES = [
  {
    title: "No overlap, no slope",
    loss: ["iou"],
    ...APART,
    invites: true, // to move a box
    text:
      "IoU is 1 wherever the boxes do not touch: no arrow, and the ball stays. Drag the prediction until " +
      "they overlap, or choose GIoU.",
  },
  {
    title: "Grow first",
    loss: ["giou"],
    ...APART,
    text:
      "GIoU has a slope here. Run it: the near corner is drawn to the target, so the box grows on its way " +
      "there.",
  },
  {
    title: "Straight there",
    loss: ["diou"],
    ...APART,
    text:
      "DIoU adds the distance of the centres. Run it and compare with GIoU from the same start: see the " +
      "paths below.",
  },
  {
    title: "A matter of shape",
    loss: ["ciou"],
    pred: [3, 2.25, 2.5, 1],
    target: [3, 2.25, 1, 2.5],
    text:
      "The centres agree, so what DIoU adds is 0. CIoU has a term for the aspect ratio: it is the third " +
      "one.",
  },
  {
    title: "A box inside",
    loss: ["giou"],
    pred: [2.6, 2.1, 0.8, 0.7],
    target: [3, 2.25, 2.6, 2],
    text:
      "Inside the target GIoU is IoU, and moving changes nothing: the hatched plateau. Only the size has a " +
      "slope. DIoU has one for the centre, too.",
  },
  {
    title: "Modified",
    loss: ["ciou", "inner", "focaler"],
    pred: [3, 1.9, 1.4, 1.2],
    target: [3.4, 2.4, 1.6, 1.2],
    text:
      "Focaler(Inner(CIoU)): the IoU of smaller boxes, stretched to a ramp. Move the sliders and watch the " +
      "contours.",
  },
  {
    title: "Turned the wrong way",
    loss: ["giou"],
    ...TURNED,
    text:
      "GIoU turns this box away from the target, from 60 to about 90 degrees, and ends with its sides exchanged: the " +
      "same rectangle by other numbers. Run it, then go back and choose DIoU.",
  },
];

function shownLoss([name, ...modifiers]) {
  const node = (entry) => ({ name: entry.name, values: startOf(entry) });
  return { weight: 1, ...node(LOSSES.get(name)), modifiers: modifiers.map((one) => node(MODIFIERS.get(one))) };
}

function showExample(example, button) {
  const { pred, target } = example;
  const shape = pred.length > 4 ? "rotated" : "axis-aligned";
  Object.assign(state, { parts: [shownLoss(example.loss)], shape, pred, target });
  for (const other of byId("examples").children) other.setAttribute("aria-pressed", String(other === button));
  byId("example-text").textContent = example.text;
  byId("example-text").classList.remove("gone");
  examples.shown = example;
  rolling.start = null;
  shapeChanged();
}

// What it says is no longer so. The text keeps its place: the boxes below stay where they are while one drags.
function leaveExample() {
  if (examples.shown === null) return;
  examples.shown = null;
  for (const button of byId("examples").children) button.setAttribute("aria-pressed", "false");
  byId("example-text").classList.add("gone");
}

function makeExamples() {
  for (const example of EXAMPLES) {
    const button = html("button", { type: "button", "aria-pressed": "false" }, example.title);
    button.addEventListener("click", () => showExample(example, button));
    byId("examples").append(button);
  }
}
