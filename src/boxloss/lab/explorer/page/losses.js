// Losses put together of traced code: a loss of a name, modifiers around it, a weighted sum of such.
//
// A loss here is an object of functions of a pair `b`, an array of the numbers of pred and target in their shape and
// the size of the image. Each returns [value, derivatives]. It is of boxes of one shape, "axis-aligned" or "rotated".

const LOSSES = new Map(CATALOGUE.losses.map((entry) => [entry.name, entry]));
const MODIFIERS = new Map(CATALOGUE.modifiers.map((entry) => [entry.name, entry]));

// As Python writes a choice, which the variants of a loss are called by.
const written = (value) => (value === true ? "True" : value === false ? "False" : String(value));

const variantOf = (entry, values) => entry.choices.map((choice) => written(values[choice.name])).join(",");

const numbersOf = (entry, values) =>
  entry.layout.map((item) => (typeof item === "string" ? values[item] : item));

const startOf = (entry) =>
  Object.fromEntries([...entry.numbers, ...entry.choices].map((parameter) => [parameter.name, parameter.start]));

// `along` are the losses of `inner` with enclosing boxes along the image.
function bound(code, numbers, inner, along = inner.map((loss) => loss.along_image)) {
  const loss = {};
  for (const [name, item] of Object.entries(code)) {
    loss[name] = typeof item === "function" ? (b) => item(b, numbers, inner, along) : item;
  }
  loss.along_image = loss;
  if (code.along_image) loss.along_image = bound({ ...code, ...code.along_image, along_image: null }, numbers, along);
  else if (inner.some((one, k) => one !== along[k])) loss.along_image = bound(code, numbers, along);
  return loss;
}

// Why there is no such loss of boxes of a shape; undefined if there is.
const refusal = (parts, shape) => parts.map((part) => LOSSES.get(part.name).refused[shape]).find(Boolean);

function namedLoss({ name, values }, shape) {
  const entry = LOSSES.get(name);
  const loss = bound(traced[shape].losses[name][variantOf(entry, values)], numbersOf(entry, values), []);
  return Object.assign(loss, { encloses: entry.encloses });
}

// The code of a modifier for a loss with these traits; undefined if it takes none such, or changes an enclosing box
// that the loss does not read.
function modifierCode({ name, values }, { shape, traits, encloses }) {
  const entry = MODIFIERS.get(name);
  if (entry.encloses && !encloses) return undefined;
  const code = traced[shape].modifiers[name][variantOf(entry, values)][traits];
  return code && { ...code, encloses };
}

function partLoss(part, shape) {
  let loss = namedLoss(part, shape);
  for (const modifier of part.modifiers) {
    const entry = MODIFIERS.get(modifier.name);
    loss = bound(modifierCode(modifier, loss), numbersOf(entry, modifier.values), [loss]);
  }
  return loss;
}

const sumOf = (a, weightA, b, weightB) =>
  bound(traced[a.shape].sums[`${a.derivatives} ${b.derivatives}`], [weightA, weightB], [a, b]);

// The loss of all parts, each times its weight; null if one is not defined for boxes of the shape.
function wholeLoss(parts, shape = "axis-aligned") {
  if (refusal(parts, shape)) return null;
  const [first, ...others] = parts.map((part) => partLoss(part, shape));
  const weights = parts.map((part) => part.weight);
  if (others.length === 0) return weights[0] === 1 ? first : sumOf(first, weights[0], first, 0);
  return others.reduce((sum, loss, k) => sumOf(sum, k === 0 ? weights[0] : 1, loss, weights[k + 1]), first);
}

// [value, gradient with respect to pred] of a pair in its shape; the gradient in a format.
const FORMATS = { "axis-aligned": "xyxy", rotated: "cxcywha" };
const valueAndGrad = (loss, b, format = FORMATS[loss.shape]) =>
  traced[loss.shape].roots[loss.derivatives][format](b, [loss]);

const iouOf = (b, shape = "axis-aligned") => traced[shape].iou(b, [0], [], [])[0];

// The values of the term 1 - IoU and of each penalty; null for a loss without them.
function termValues(loss, b) {
  if (loss.iou_term === undefined) return null;
  const values = [loss.iou_term(b)[0]];
  for (let k = 0; loss[`penalty_${k}`] !== undefined; k++) values.push(loss[`penalty_${k}`](b)[0]);
  return values;
}
