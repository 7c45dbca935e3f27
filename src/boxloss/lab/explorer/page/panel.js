// The loss: its parts, their modifiers, and a slider for each number.

const MOST_PARTS = 3;

// A slider with a field beside it. `range` is { low, high, step, logarithmic }.
function slider(label, value, range, set) {
  const { low, high, step, logarithmic } = range;
  const toTrack = (number) => (logarithmic ? Math.log10(number) : number);
  const track = html("input", {
    type: "range",
    min: toTrack(low),
    max: toTrack(high),
    step: logarithmic ? 0.02 : step,
    "aria-label": label,
  });
  const name = `${label}, as a number`;
  const field = html("input", { type: "number", min: low, max: high, step: "any", "aria-label": name });
  const show = (number) => {
    track.value = toTrack(number);
    track.setAttribute("aria-valuetext", text(number));
    if (document.activeElement !== field) field.value = Number(number.toPrecision(4));
  };
  const given = (number, isTyped) => {
    if (!Number.isFinite(number)) return;
    show(set(clamp(number, low, high)));
    if (!isTyped) field.value = Number(Number(set()).toPrecision(4));
  };
  track.addEventListener("input", () => {
    const number = Number(track.value);
    given(logarithmic ? Number((10 ** number).toPrecision(2)) : Math.round(number / step) * step, false);
  });
  field.addEventListener("input", () => given(field.valueAsNumber, true));
  field.addEventListener("change", () => {
    const typed = field.valueAsNumber;
    given(Number.isFinite(typed) ? typed : set(), false);
  });
  show(value);
  field.value = Number(value.toPrecision(4));
  const title = html("span", { class: "name", "aria-hidden": "true" }, label);
  const row = html("div", { class: "slider" }, title, track, field);
  return Object.assign(row, { show }); // for a number that something else changes too
}

function select(label, choices, value, set, refused = () => false) {
  const options = choices.map(([choice, name]) => {
    const option = html("option", { value: written(choice) }, name);
    option.selected = choice === value;
    option.disabled = refused(choice);
    return option;
  });
  const found = html("select", { "aria-label": label }, ...options);
  found.addEventListener("change", () => set(choices[found.selectedIndex][0]));
  return found;
}

// --- Parameters of a loss or of a modifier ----------------------------------------------------------------------

// The value nearest to the one wanted that keeps the order of parameters that have one.
function ordered(entry, values, parameter, wanted) {
  let value = wanted;
  for (const other of entry.numbers) {
    if (parameter.below === other.name) value = Math.min(value, values[other.name] - parameter.step);
    if (other.below === parameter.name) value = Math.max(value, values[other.name] + parameter.step);
  }
  return Number(clamp(value, parameter.low, parameter.high).toPrecision(12));
}

function parameterRows(entry, node) {
  const { values } = node;
  const numbers = entry.numbers.map((parameter) =>
    slider(parameter.name, values[parameter.name], parameter, (wanted) => {
      if (wanted !== undefined) {
        values[parameter.name] = ordered(entry, values, parameter, wanted);
        changedLoss();
      }
      return values[parameter.name];
    }),
  );
  const choices = entry.choices.map((choice) => {
    const set = (value) => {
      values[choice.name] = value;
      changedLoss();
    };
    const options = choice.choices.map((value) => [value, written(value)]);
    return html("label", { class: "row" }, choice.name, select(choice.name, options, values[choice.name], set));
  });
  return [...choices, ...numbers];
}

// --- Parts ------------------------------------------------------------------------------------------------------

// A loss that has become another may be none that its modifiers take: those go.
function keepFitting(part) {
  if (refusal([part], state.shape)) return;
  let like = namedLoss(part, state.shape);
  part.modifiers = part.modifiers.filter((modifier) => {
    const code = modifierCode(modifier, like);
    if (code !== undefined) like = code;
    return code !== undefined;
  });
}

function changedLoss() {
  endRun();
  lossChanged();
}

function rebuilt() {
  leaveExample();
  state.parts.forEach(keepFitting);
  changedLoss();
  showParts();
}

// All rows are new ones: the focus goes to where it was, or where it is wanted next.
function focusIn(place, what, k = 0) {
  const all = byId("parts").children[place].querySelectorAll(what);
  all[Math.min(k, all.length - 1)].focus();
}

function modifierRow(part, place, modifier, k) {
  const entry = MODIFIERS.get(modifier.name);
  const remove = html("button", { type: "button", class: "remove", "aria-label": `Remove ${entry.class}` }, "\u00d7");
  remove.addEventListener("click", () => {
    part.modifiers.splice(k, 1);
    rebuilt();
    focusIn(place, part.modifiers.length > 0 ? ".modifier .remove" : ".add", k);
  });
  const about = html("span", { class: "formula" }, shown(entry.summary));
  const head = html("div", { class: "head" }, html("b", {}, entry.class), about, remove);
  return html("div", { class: "modifier" }, head, ...parameterRows(entry, modifier));
}

function addModifier(part, place) {
  const loss = refusal([part], state.shape) ? null : partLoss(part, state.shape);
  const options = CATALOGUE.modifiers.map((entry) => {
    const code = loss ? modifierCode({ name: entry.name, values: startOf(entry) }, loss) : undefined;
    const note = code === undefined ? " (does not take this loss)" : "";
    const option = html("option", { value: entry.name }, entry.class + note);
    option.disabled = code === undefined;
    return option;
  });
  const first = html("option", { value: "" }, "Modify\u2026");
  const found = html("select", { class: "add", "aria-label": "Add a modifier" }, first, ...options);
  found.addEventListener("change", () => {
    if (found.value === "") return;
    part.modifiers.push({ name: found.value, values: startOf(MODIFIERS.get(found.value)) });
    rebuilt();
    focusIn(place, ".add");
  });
  return found;
}

function partRow(part, place) {
  const entry = LOSSES.get(part.name);
  const several = state.parts.length > 1;
  const refuses = (name) => LOSSES.get(name).refused[state.shape] !== undefined;
  const note = (name) => (refuses(name) ? " (takes no angle)" : "");
  const names = CATALOGUE.losses.map(({ name, title }) => [name, title + note(name)]);
  const set = (name) => {
    Object.assign(part, { name, values: startOf(LOSSES.get(name)) });
    rebuilt();
    focusIn(place, "select");
  };
  const choose = select("Loss", names, part.name, set, (name) => refuses(name) && name !== part.name);
  const head = html("div", { class: "head" }, choose);
  if (several) {
    const remove = html("button", { type: "button", class: "remove", "aria-label": `Remove ${entry.class}` }, "\u00d7");
    remove.addEventListener("click", () => {
      state.parts.splice(place, 1);
      if (state.parts.length === 1) state.parts[0].weight = 1;
      rebuilt();
      if (state.parts.length === 1) byId("add-part").focus();
      else focusIn(Math.min(place, state.parts.length - 1), ".remove");
    });
    head.append(remove);
  }
  const about = html("p", { class: "formula" }, `L = ${shown(entry.expression)}`);
  const paper = html("p", { class: "paper" }, [entry.paper, `range ${shown(entry.range)}`].filter(Boolean).join("; "));
  const weight = slider("weight", part.weight, { low: 0, high: 10, step: 0.1 }, (wanted) => {
    if (wanted !== undefined) {
      part.weight = Number(wanted.toPrecision(12));
      changedLoss();
    }
    return part.weight;
  });
  return html(
    "div",
    { class: "part", role: "group", "aria-label": `Part ${place + 1} of the loss` },
    head,
    about,
    paper,
    ...(several ? [weight] : []),
    ...parameterRows(entry, part),
    ...part.modifiers.map((modifier, k) => modifierRow(part, place, modifier, k)),
    addModifier(part, place),
  );
}

function showParts() {
  byId("parts").replaceChildren(...state.parts.map(partRow));
  byId("add-part").hidden = state.parts.length >= MOST_PARTS;
}

function listenToParts() {
  byId("add-part").addEventListener("click", () => {
    const entry = LOSSES.get("l1");
    state.parts.push({ weight: 1, name: entry.name, values: startOf(entry), modifiers: [] });
    rebuilt();
    byId("parts").querySelector(".part:last-child select").focus();
  });
}
