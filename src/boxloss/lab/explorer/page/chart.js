// The paths of the runs: loss against IoU, and IoU at each step.

const CHART = { width: 340, height: 220, left: 44, right: 20, top: 10, bottom: 34 };
const MOST_POINTS = 300;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

// Ends of an axis, and ticks at round numbers between them.
function axis(low, high) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((found) => span / found <= 4.5);
  const first = Math.floor(low / step) * step;
  const ticks = [first];
  while (ticks.at(-1) < high - step * 1e-9) ticks.push(Number((ticks.at(-1) + step).toPrecision(12)));
  return { low: first, high: ticks.at(-1), ticks };
}

function thinned(count) {
  const every = Math.max(1, Math.ceil(count / MOST_POINTS));
  return Array.from({ length: count }, (_, k) => k).filter((k) => k % every === 0 || k === count - 1);
}

function drawChart(id, x, y, labels, lines) {
  const { width, height, left, right, top, bottom } = CHART;
  const px = (value) => left + ((value - x.low) / (x.high - x.low)) * (width - left - right);
  const py = (value) => height - bottom - ((value - y.low) / (y.high - y.low)) * (height - top - bottom);
  const across = y.ticks.flatMap((tick) => [
    svg("line", { x1: left, x2: width - right, y1: py(tick), y2: py(tick), class: "grid" }),
    svg("text", { x: left - 6, y: py(tick) + 4, "text-anchor": "end" }, text(tick, 3)),
  ]);
  const along = x.ticks.map((tick) =>
    svg("text", { x: px(tick), y: height - bottom + 16, "text-anchor": "middle" }, text(tick, 3)),
  );
  const [middleX, middleY] = [(left + width - right) / 2, (top + height - bottom) / 2];
  const turned = `translate(12 ${middleY}) rotate(-90)`;
  const names = [
    svg("text", { x: middleX, y: height - 3, "text-anchor": "middle", class: "axis" }, labels[0]),
    svg("text", { transform: turned, "text-anchor": "middle", class: "axis" }, labels[1]),
  ];
  const paths = lines.flatMap(({ points, colour }) => {
    const last = points.at(-1);
    const d = points.map(([a, b]) => `${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join(" ");
    return [
      svg("polyline", { points: d, class: `line line-${colour % MOST_RUNS}` }),
      svg("circle", { cx: px(last[0]), cy: py(last[1]), r: 4, class: `end line-${colour % MOST_RUNS}` }),
    ];
  });
  const root = byId(id);
  root.setAttribute("viewBox", `0 0 ${width} ${height}`);
  root.setAttribute("aria-label", `${labels[1]} against ${labels[0]}; ${lines.length} runs, listed below`);
  root.replaceChildren(...across, ...along, ...names, ...paths);
}

function runRow(run) {
  const mark = svg("svg", { width: 26, height: 10, "aria-hidden": "true" });
  mark.append(svg("line", { x1: 1, x2: 25, y1: 5, y2: 5, class: `line line-${run.colour % MOST_RUNS}` }));
  const steps = run.boxes.length - 1;
  const after = steps === 1 ? "1 step" : `${steps} steps`;
  return html("li", {}, mark, ` ${run.label}: IoU ${text(run.ious.at(-1), 3)} after ${after}`);
}

onDraw("charts", () => {
  const { runs } = rolling;
  const finite = (values) => values.filter(Number.isFinite);
  const values = runs.flatMap((run) => finite(run.values));
  const most = runs.reduce((a, run) => Math.max(a, run.boxes.length - 1), 10);
  const lines = (x, y) =>
    runs.map((run) => {
      const points = thinned(run.boxes.length).map((k) => [x(run, k), y(run, k)]);
      return { colour: run.colour, points };
    });
  const unit = { low: 0, high: 1, ticks: TICKS };
  const ofLoss = axis(Math.min(0, ...values), values.length > 0 ? Math.max(...values) : 1);
  const [iou, value, step] = [(run, k) => run.ious[k], (run, k) => run.values[k], (_, k) => k];
  drawChart("chart-loss", unit, ofLoss, ["IoU", "loss"], lines(iou, value));
  drawChart("chart-iou", axis(0, most), unit, ["step", "IoU"], lines(step, iou));
  byId("runs").replaceChildren(...runs.map(runRow));
  byId("charts").hidden = runs.length === 0;
  byId("no-runs").hidden = runs.length > 0;
  byId("clear").hidden = runs.length === 0;
});
