// The ground under the boxes: the loss of a prediction of this size by where its centre is, with contours, and with
// hatches where it has no slope.

const COARSE = [48, 36]; // cells, while something moves
const FINE = [168, 126];
const SETTLED = 140; // milliseconds without a change
const CONTOURS = 14;
const GROUND = {
  light: ["#fbfaf5", "#dcebe2", "#a9d2c8", "#6ba9ac", "#3d7d92", "#2a5673"],
  dark: ["#0e1416", "#142c33", "#1d4a52", "#2f6d72", "#5b9a95", "#a3ccbd"],
};

const ground = { key: "", low: 0, high: 1, slope: 1, timer: 0, picture: document.createElement("canvas") };

// What the ground depends on.
const groundKey = () =>
  JSON.stringify([state.parts, state.target, state.pred.slice(2), scene.width, window.devicePixelRatio, dark.matches]);

// Of the numbers of a box in its shape, those that move with it along x and y.
const PLACES = { "axis-aligned": [[0, 2], [1, 3]], rotated: [[0], [1]] };

function sampled([columns, rows]) {
  const [alongX, alongY] = PLACES[state.shape];
  const at0 = decoded([0, 0, ...state.pred.slice(2)]);
  const b = pairOf(state.pred);
  const format = isRotated() ? "cxcywha" : "cxcywh";
  const nodes = (columns + 1) * (rows + 1);
  const found = { columns, rows, values: new Float64Array(nodes), flat: new Uint8Array(nodes), low: 0, high: 0 };
  const slopes = [];
  for (let j = 0, place = 0; j <= rows; j++) {
    const y = (WORLD.height * j) / rows;
    for (const k of alongY) b[k] = at0[k] + y;
    for (let i = 0; i <= columns; i++, place++) {
      const x = (WORLD.width * i) / columns;
      for (const k of alongX) b[k] = at0[k] + x;
      const [value, dx, dy] = valueAndGrad(current.loss, b, format);
      const slope = Math.hypot(dx, dy);
      found.values[place] = value;
      found.flat[place] = slope < 1e-9 ? 1 : 0;
      if (slope >= 1e-9 && place % 7 === 0) slopes.push(slope);
    }
  }
  found.low = found.values.reduce((a, v) => Math.min(a, v), Infinity);
  found.high = found.values.reduce((a, v) => Math.max(a, v), -Infinity);
  slopes.sort((a, c) => a - c);
  found.slope = slopes.length > 0 ? slopes[slopes.length >> 1] : 1;
  return found;
}

// --- Colours ----------------------------------------------------------------------------------------------------

const tables = {};

function coloursOf(theme) {
  if (tables[theme]) return tables[theme];
  const stops = GROUND[theme].map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
  tables[theme] = Array.from({ length: 256 }, (_, k) => {
    const at = (k / 255) * (stops.length - 1);
    const first = Math.min(Math.floor(at), stops.length - 2);
    return stops[first].map((c, n) => Math.round(c + (stops[first + 1][n] - c) * (at - first)));
  });
  return tables[theme];
}

const themeNow = () => (dark.matches ? "dark" : "light");

function coloured(plane) {
  const colours = coloursOf(themeNow());
  const { picture } = ground;
  const [width, height] = [plane.columns + 1, plane.rows + 1];
  if (picture.width !== width) Object.assign(picture, { width, height });
  const context = picture.getContext("2d", { willReadFrequently: true }); // so that it stays in memory
  const image = context.createImageData(width, height);
  const per = plane.high > plane.low ? 255 / (plane.high - plane.low) : 0;
  plane.values.forEach((value, k) => {
    const share = per === 0 ? 128 : (value - plane.low) * per;
    const colour = colours[clamp(Math.round(share), 0, 255) || 0];
    for (let n = 0; n < 3; n++) image.data[4 * k + n] = colour[n];
    image.data[4 * k + 3] = 255;
  });
  context.putImageData(image, 0, 0);
  return picture;
}

// --- Contours: marching squares ---------------------------------------------------------------------------------

function contours(plane, width, height) {
  const path = new Path2D();
  const { columns, rows, values } = plane;
  const sx = width / columns;
  const sy = height / rows;
  const step = (plane.high - plane.low) / CONTOURS;
  if (!(step > 0)) return path;
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const k = j * (columns + 1) + i;
      const [a, b, c, d] = [values[k], values[k + 1], values[k + columns + 2], values[k + columns + 1]];
      const last = Math.floor((Math.max(a, b, c, d) - plane.low) / step - 1e-9);
      for (let n = Math.floor((Math.min(a, b, c, d) - plane.low) / step) + 1; n <= last; n++) {
        const level = plane.low + n * step;
        const ends = [];
        if (a < level !== b < level) ends.push([i + (level - a) / (b - a), j]);
        if (b < level !== c < level) ends.push([i + 1, j + (level - b) / (c - b)]);
        if (d < level !== c < level) ends.push([i + (level - d) / (c - d), j + 1]);
        if (a < level !== d < level) ends.push([i, j + (level - a) / (d - a)]);
        for (let e = 0; e + 1 < ends.length; e += 2) {
          path.moveTo(ends[e][0] * sx, ends[e][1] * sy);
          path.lineTo(ends[e + 1][0] * sx, ends[e + 1][1] * sy);
        }
      }
    }
  }
  return path;
}

// The cells all of whose corners are without a slope, each row in as few rectangles as there are.
function flats(plane, width, height) {
  const path = new Path2D();
  const { columns, rows, flat } = plane;
  const isFlat = (i, j) => {
    const k = j * (columns + 1) + i;
    return flat[k] && flat[k + 1] && flat[k + columns + 1] && flat[k + columns + 2];
  };
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const start = i;
      while (i < columns && isFlat(i, j)) i++;
      if (i > start) {
        path.rect((start * width) / columns, (j * height) / rows, ((i - start) * width) / columns, height / rows);
      }
    }
  }
  return path;
}

function hatch(context, path, ratio, colour, width, height) {
  context.save();
  context.clip(path);
  context.strokeStyle = colour;
  context.lineWidth = ratio;
  context.beginPath();
  for (let x = -height; x < width; x += 9 * ratio) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
  context.restore();
}

// --- Putting it on the page -------------------------------------------------------------------------------------

function paint(resolution) {
  if (scene.width === 0) return;
  const canvas = byId("landscape");
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const [width, height] = [scene.width, scene.perUnit * WORLD.height].map((size) => Math.round(size * ratio));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  if (current.loss === null) {
    canvas.getContext("2d").clearRect(0, 0, width, height);
    for (const id of ["legend-low", "legend-high"]) byId(id).textContent = NO_VALUE;
    return;
  }
  const plane = sampled(resolution);
  Object.assign(ground, { low: plane.low, high: plane.high, slope: plane.slope });
  const context = canvas.getContext("2d");
  // Samples lie on the edges of the scene, and those of a picture in the middle of its pixels.
  const [marginX, marginY] = [width / plane.columns / 2, height / plane.rows / 2];
  context.imageSmoothingQuality = resolution === FINE ? "high" : "low";
  context.drawImage(coloured(plane), -marginX, -marginY, width + 2 * marginX, height + 2 * marginY);
  const [contour, hatched] = lineColours();
  context.strokeStyle = contour;
  context.lineWidth = ratio;
  context.stroke(contours(plane, width, height));
  hatch(context, flats(plane, width, height), ratio, hatched, width, height);
  paintLegend();
}

// From the style sheet, read once for a theme: reading it makes the browser compute styles.
function lineColours() {
  const theme = themeNow();
  if (ground.theme !== theme) {
    const styles = window.getComputedStyle(document.documentElement);
    ground.lines = ["--contour", "--hatch"].map((name) => styles.getPropertyValue(name));
    ground.theme = theme;
    paintScale();
  }
  return ground.lines;
}

function paintScale() {
  const context = byId("legend").getContext("2d");
  const image = context.createImageData(256, 1);
  coloursOf(themeNow()).forEach((colour, k) => image.data.set([...colour, 255], 4 * k));
  context.putImageData(image, 0, 0);
}

function paintLegend() {
  byId("legend-low").textContent = text(ground.low, 3);
  byId("legend-high").textContent = text(ground.high, 3);
}

// Coarse at once, and fine when nothing has changed for a moment.
onDraw("landscape", () => {
  const key = groundKey();
  if (key === ground.key) return;
  ground.key = key;
  paint(COARSE);
  window.clearTimeout(ground.timer);
  ground.timer = window.setTimeout(() => {
    paint(FINE);
    refresh("scene");
  }, SETTLED);
});
