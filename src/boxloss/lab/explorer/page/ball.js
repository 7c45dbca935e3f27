// The ball: runs of a box that descends, one after the other; each leaves its path.

const WITH_ANGLE = "cxcywha"; // the one parametrisation of boxes with an angle
const MOST_STEPS = 2000;
const STEPS_A_SECOND = 120; // however fast the page is drawn
const MOST_A_FRAME = 20;
const FRAMES_A_CHART = 10;
const STILL = 1e-7; // a step that moves no number further ends a run after as many steps as PATIENCE
const PATIENCE = 60;
const MOST_RUNS = 6;
const ARRIVED = 0.95;
const LATELY = 100; // steps by which a box that goes on is told from one that jumps about
const GETS_ON = 0.2; // share of their length that is left of steps from where they began to where they ended
const OPTIMIZERS = { sgd: "SGD", momentum: "momentum", adam: "Adam" };
const RATE = { low: 0.001, high: 10, logarithmic: true };
const rolling = { runs: [], active: null, running: false, start: null, frames: 0, time: 0 };

const activeRun = () => rolling.runs.find((run) => run === rolling.active);

function beginRun() {
  byId("spoken").textContent = "";
  const { optimizer, rates, momentum, target } = state;
  const settings = { optimizer, rate: rates[optimizer], momentum, parametrisation: parametrisationNow() };
  const run = {
    ball: descent(current.loss, state.pred, target, IMAGE, settings),
    loss: current.loss,
    label: `${nameOfLoss()}, ${OPTIMIZERS[optimizer]} ${text(rates[optimizer])}`,
    boxes: [],
    values: [],
    ious: [],
    still: 0,
    colour: (rolling.runs.at(-1)?.colour ?? -1) + 1,
  };
  record(run);
  rolling.runs = [...rolling.runs, run].slice(-MOST_RUNS);
  rolling.active = run;
  rolling.start = state.pred;
}

const parametrisationNow = () => (isRotated() ? WITH_ANGLE : state.parametrisation);

function record(run) {
  const b = pairOf(run.ball.box);
  run.boxes.push(run.ball.box);
  run.values.push(run.loss.evaluate(b)[0]);
  run.ious.push(iouOf(b, state.shape));
}

// One step; false if there is none.
function advance() {
  const run = rolling.active;
  if (run.ball.steps >= MOST_STEPS || run.still >= PATIENCE) return false;
  const before = run.ball.box;
  run.ball.step();
  const change = Math.max(...run.ball.box.map((number, k) => Math.abs(number - before[k])));
  if (!Number.isFinite(change)) return false;
  run.still = change < STILL ? run.still + 1 : 0;
  record(run);
  state.pred = run.ball.box;
  return true;
}

// When the loss, a box or the optimiser is another, the run is over; its path stays.
function endRun() {
  byId("spoken").textContent = ""; // of a key before
  rolling.running = false;
  rolling.active = null;
  refresh("ball");
}

function showStep() {
  boxesChanged();
  refresh("ball", "charts");
}

// Charts are the dearest to draw, and the slowest to change.
function frame(time) {
  if (!rolling.running) return;
  const steps = clamp(Math.round(((time - rolling.time) * STEPS_A_SECOND) / 1000), 1, MOST_A_FRAME);
  for (let k = 0; k < steps && rolling.running; k++) rolling.running = advance();
  rolling.time = time;
  rolling.frames += 1;
  boxesChanged();
  refresh("ball");
  if (!rolling.running || rolling.frames % FRAMES_A_CHART === 0) refresh("charts");
  if (rolling.running) window.requestAnimationFrame(frame);
}

function runOrPause() {
  if (rolling.active === null) beginRun();
  if (calm.matches) {
    while (advance());
    showStep();
    return;
  }
  rolling.running = !rolling.running;
  refresh("ball", "charts");
  rolling.time = document.timeline.currentTime;
  if (rolling.running) window.requestAnimationFrame(frame);
}

function stepOnce() {
  rolling.running = false;
  if (rolling.active === null) beginRun();
  advance();
  showStep();
}

function backToStart() {
  endRun();
  if (rolling.start !== null) state.pred = rolling.start;
  boxesChanged();
  refresh("charts");
}

// Whether the last steps led nowhere, though each moved the box.
function jumps({ boxes }) {
  const last = boxes.slice(-LATELY);
  const between = (a, b) => Math.max(...a.map((number, k) => Math.abs(number - b[k])));
  const length = last.slice(1).reduce((sum, box, k) => sum + between(box, last[k]), 0);
  return between(last.at(-1), last[0]) < GETS_ON * length;
}

function told() {
  const run = rolling.active;
  const refused = refusal(state.parts, state.shape);
  if (refused) return `${refused}. Choose another loss, or boxes without an angle.`;
  if (run === null) return "The prediction is the ball: it moves against the gradient.";
  const [value, iou, steps] = [run.values.at(-1), run.ious.at(-1), run.ball.steps];
  const stays = run.still >= PATIENCE;
  let verdict = "";
  if (stays || steps >= MOST_STEPS) {
    if (iou > ARRIVED) verdict = " It has arrived.";
    else if (stays) verdict = " It stays here.";
    else verdict = jumps(run) ? " It jumps about: the learning rate is too high." : " It is still on its way.";
  }
  return `Step ${steps}: loss ${text(value, 3)}, IoU ${text(iou, 3)}.${verdict}`;
}

onDraw("ball", () => {
  byId("ball-text").textContent = told();
  byId("run").textContent = rolling.running ? "Pause" : "Run";
  byId("reset").disabled = rolling.start === null;
  for (const id of ["run", "step"]) byId(id).disabled = current.loss === null;
});

// --- Settings ---------------------------------------------------------------------------------------------------

function showRates() {
  const { optimizer } = state;
  const rate = slider("learning rate", state.rates[optimizer], RATE, (wanted) => {
    if (wanted !== undefined) {
      state.rates[optimizer] = wanted;
      endRun();
    }
    return state.rates[optimizer];
  });
  const momentum = slider("momentum", state.momentum, { low: 0, high: 0.99, step: 0.01 }, (wanted) => {
    if (wanted !== undefined) {
      state.momentum = Number(wanted.toPrecision(6));
      endRun();
    }
    return state.momentum;
  });
  byId("rates").replaceChildren(rate, ...(optimizer === "momentum" ? [momentum] : []));
}

function showSettings() {
  for (const name of ["optimizer", "arrows"]) {
    for (const input of document.getElementsByName(name)) input.checked = input.value === state[name];
  }
  const parametrisation = byId("parametrisation");
  for (const option of parametrisation.options) option.disabled = (option.value === WITH_ANGLE) !== isRotated();
  parametrisation.value = parametrisationNow();
  showRates();
  showAngles();
}

function listenToBall() {
  byId("run").addEventListener("click", runOrPause);
  byId("step").addEventListener("click", stepOnce);
  byId("reset").addEventListener("click", backToStart);
  byId("clear").addEventListener("click", () => {
    rolling.runs = [];
    endRun();
    refresh("charts", "scene");
  });
  byId("parametrisation").addEventListener("change", (event) => {
    state.parametrisation = event.target.value;
    endRun();
  });
  byId("optimizer").addEventListener("change", (event) => {
    state.optimizer = event.target.value;
    endRun();
    showRates();
  });
  byId("arrows").addEventListener("change", (event) => {
    state.arrows = event.target.value;
    refresh("scene");
  });
}
