// The ball: a box that descends on a loss. Boxes are (x, y, w, h), or (x, y, w, h, angle) for a loss of such.

const DECAYS = { sgd: () => [0, 0, 0, 0, 0], momentum: (momentum) => [momentum, 1, 0, 0, 0] };
const BETAS = [0.9, 0.999];
const ADAM_EPS = 1e-8;

// Returns { box, steps, step() }; a step moves the box.
function descent(loss, start, target, image, { optimizer, rate, momentum, parametrisation }) {
  const { parametrisations, descents, optimizers } = traced[loss.shape];
  const { encode, decode } = parametrisations[parametrisation];
  const evaluate = descents[loss.derivatives][parametrisation];
  const optimize = optimizers[optimizer];
  const [beta1, beta2] = BETAS;
  const decay =
    optimizer === "adam" ? [beta1, 1 - beta1, beta2, 1 - beta2, ADAM_EPS] : DECAYS[optimizer](momentum);
  let state = encode(start);
  let first = state.map(() => 0);
  let second = first;
  const ball = { box: start, steps: 0, step };

  function step() {
    const [, ...grad] = evaluate([...state, ...target, ...image], [loss]);
    const t = ball.steps + 1;
    const rates = optimizer === "adam" ? [rate / (1 - beta1 ** t), 1 / Math.sqrt(1 - beta2 ** t)] : [rate, 1];
    const found = optimize(grad, first, second, rates, decay);
    const size = state.length;
    state = state.map((number, k) => number - found[k]);
    first = found.slice(size, 2 * size);
    second = found.slice(2 * size);
    ball.steps = t;
    ball.box = decode(state);
  }

  return ball;
}
