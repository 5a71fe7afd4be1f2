// One knob: what a person moves, and what became of what was asked.
// The kernel's traits are the state; a view asks by messages, and waits to be heard.

const EVERY = 50; // milliseconds between two messages while something is dragged
const PATIENCE = 4000; // milliseconds until the kernel counts as silent
const SETTLED = 1000; // milliseconds that words stand before they are spoken
const DECADES = 6; // what a logarithmic slider spans where its range begins at 0

function make(tag, properties = {}, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const digits = (value, count = 6) => String(Number(value.toPrecision(count)));

/** The value that may be, nearest to one; a kernel may know better. */
function fitting(model) {
  const low = model.get("low") ?? -Infinity, high = model.get("high") ?? Infinity;
  const whole = model.get("kind") === "int";
  return (value) => {
    const inside = Math.min(high, Math.max(low, value));
    return whole ? Math.round(inside) : inside;
  };
}

/** What one press of a key moves a value by, where it is not logarithmic. */
function stepOf(model) {
  const low = model.get("low"), high = model.get("high"), whole = model.get("kind") === "int";
  const part = low === null || high === null ? 1 : (high - low) / 100;
  return model.get("step") || (whole ? Math.max(1, Math.round(part)) : part);
}

/** Places of a slider and the values that they stand for; null without bounds. */
function scaleOf(model) {
  const low = model.get("low"), high = model.get("high"), fit = fitting(model);
  if (low === null || high === null) return null;
  if (model.get("log")) {
    const least = low > 0 ? low : high / 10 ** DECADES, span = Math.log(high / least);
    return {
      low: 0, high: 100,
      value: (place) => place <= 0 ? low : place >= 100 ? high
        : fit(Number(digits(least * Math.exp(span * place / 100), 2))),
      place: (value) => value <= least ? 0 : 100 * Math.log(value / least) / span,
    };
  }
  // Places are multiples of the step, so that a range from .001 has .01 and .02 on it.
  const step = stepOf(model);
  return {
    low: Math.floor(low / step + 1e-9), high: Math.ceil(high / step - 1e-9),
    value: (place) => fit(Number(digits(place * step, 12))),
    place: (value) => value / step,
  };
}

/** The next value up or down by the arrow keys in the number field. */
function neighbour(model, value, direction) {
  const fit = fitting(model);
  const next = model.get("log") && value > 0
    ? fit(Number(digits(value * 1.1 ** direction, 2)))
    : fit(Number(digits(value + direction * stepOf(model), 12)));
  return next === value && model.get("kind") === "int" ? fit(value + direction) : next;
}

/** The elements of a knob, those that its kind has. */
function build(model, scale) {
  const id = `daf-knob-${Math.random().toString(36).slice(2, 10)}`;
  const label = model.get("label"), kind = model.get("kind"), off = model.get("off");
  const about = { "aria-describedby": `${id}-state` };
  // Whose knob it is, is heard; it is seen above, where the group is chosen.
  const [plain, ...whose] = label.split(/(?=\[)/);
  const name = make("label", { className: "daf-knob-name", htmlFor: `${id}-main`,
    title: `${model.get("knob")}: ${model.get("description")}` }, {}, plain,
    make("span", { className: "daf-unseen", textContent: whose.join("") }));
  const parts = {
    state: make("span", { id: `${id}-state`, className: "daf-knob-state" }),
    spoken: make("span", { className: "daf-unseen" }, { "aria-live": "polite" }),
  };
  const main = make("span", { className: "daf-knob-main" });
  const exact = make("span", { className: "daf-knob-exact" });
  if (kind === "choice") parts.choice = make("select", {}, about);
  else if (kind === "bool") parts.check = make("input", { type: "checkbox" }, about);
  else {
    if (scale) parts.slider = make("input", { type: "range", min: scale.low, max: scale.high }, about);
    parts.number = make("input", { type: "number", step: "any" },
      { ...about, "aria-label": `${label}, value` });
    exact.append(parts.number);
    if (model.get("optional")) {
      parts.off = make("input", { type: "checkbox" }, { "aria-label": `${label}, ${off}` });
      exact.append(make("label", { className: "daf-knob-off" }, {}, parts.off, off));
    }
  }
  const first = parts.choice ?? parts.check ?? parts.slider;
  if (first) main.append(first);
  (first ?? parts.number).id = `${id}-main`;
  parts.inputs = [parts.choice, parts.check, parts.slider, parts.number, parts.off].filter(Boolean);
  parts.row = make("div", { className: "daf-knob" }, { "data-knob": model.get("knob") },
    name, main, exact, parts.state, parts.spoken);
  return parts;
}

/** Says what became of a request: at once to the eye, and once it stands to the ear. */
function speaker(model, parts) {
  let soon, later;
  return {
    say(text, kind, aloud) {
      const shown = text || model.get("description");
      if (parts.state.textContent !== shown) parts.state.textContent = parts.state.title = shown;
      parts.state.dataset.state = kind;
      if (!aloud || !text || kind === "pending") return;
      clearTimeout(soon);
      soon = setTimeout(() => {
        parts.spoken.textContent = `${model.get("label")}: ${text}`;
        clearTimeout(later);
        later = setTimeout(() => { parts.spoken.textContent = ""; }, 6 * SETTLED);
      }, SETTLED);
    },
    stop() { clearTimeout(soon); clearTimeout(later); },
  };
}

/** Asks the kernel: at most so often, the last value always. */
function asker(model, silence) {
  const view = Math.random().toString(36).slice(2);
  let wanted, sent = null, count = 0, timer = null, last = -Infinity, silent;
  function flush() {
    timer = null;
    last = performance.now();
    sent = `${view}:${++count}`;
    model.send({ ask: wanted, id: sent });
    clearTimeout(silent);
    silent = setTimeout(() => { sent = null; silence(); }, PATIENCE);
  }
  return {
    ask(value) {
      wanted = value;
      timer ??= setTimeout(flush, Math.max(0, last + EVERY - performance.now()));
    },
    waiting: () => timer !== null || sent !== null,
    heard() {
      if (model.get("heard") !== sent) return;
      sent = null;
      clearTimeout(silent);
    },
    stop() { clearTimeout(timer); clearTimeout(silent); },
  };
}

/** Shows a value in every part but the one that somebody holds. */
function drawer(model, parts, scale) {
  return (value, except = null) => {
    const { slider, number, choice, check, off } = parts;
    const none = value === null || value === undefined, frozen = model.get("frozen");
    if (slider) {
      if (slider !== except && !none) slider.value = scale.place(value);
      slider.setAttribute("aria-valuetext", none ? model.get("off") : digits(value));
    }
    if (number && number !== except) number.value = none ? "" : digits(value);
    if (check) check.checked = Boolean(value);
    if (choice) choice.value = none ? "" : String(value);
    if (off) off.checked = none;
    for (const input of parts.inputs) {
      input.disabled = frozen || (none && (input === slider || input === number));
    }
  };
}

function options(model, choice) {
  const none = model.get("optional") ? [["", model.get("off")]] : [];
  const words = [...none, ...model.get("choices").map((word) => [word, word])];
  choice.replaceChildren(...words.map(([value, text]) => make("option", { value }, {}, text)));
}

/** Lets the parts ask; `hand` remembers what somebody is in the middle of. */
function connect(model, parts, scale, hand, ask, sync, on) {
  const { slider, number, choice, check, off } = parts;
  const release = () => { hand.holds = false; sync(); };
  const write = () => {
    if (!hand.types) return;
    hand.types = false;
    const value = Number(number.value);
    if (number.value.trim() === "" || !Number.isFinite(value)) sync();
    else ask(value, number);
  };
  on(slider, "input", () => { hand.holds = true; ask(scale.value(Number(slider.value)), slider); });
  on(slider, "change", release);
  on(slider, "blur", release);
  on(number, "input", () => { hand.types = true; });
  on(number, "change", write);
  on(number, "blur", () => { write(); sync(); });
  on(number, "keydown", (event) => {
    if (event.key === "Enter") write();
    if (event.key === "Escape") { hand.types = false; sync(); }
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    hand.types = false;
    ask(neighbour(model, Number(number.value), event.key === "ArrowUp" ? 1 : -1));
  });
  on(choice, "change", () => ask(choice.value === "" ? null : choice.value));
  on(check, "change", () => ask(check.checked));
  on(off, "change", () => {
    const middle = scale ? scale.value((scale.low + scale.high) / 2) : model.get("low") ?? 0;
    ask(off.checked ? null : hand.last ?? middle);
  });
  // JupyterLab's own plain keys would act on the cell; with a modifier, such as to save, they may.
  on(parts.row, "keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
}

function render({ model, el }) {
  const numeric = ["float", "int"].includes(model.get("kind"));
  const scale = numeric ? scaleOf(model) : null, parts = build(model, scale);
  const hand = { holds: false, types: false, last: null, asked: false };
  const voice = speaker(model, parts), draw = drawer(model, parts, scale);
  const kernel = asker(model, () => voice.say("no answer from the kernel", "refused", true));
  const show = (value, except) => { if (value !== null) hand.last = value; draw(value, except); };
  function sync() {
    if (hand.holds || hand.types || kernel.waiting()) return;
    show(model.get("value"));
    voice.say(model.get("said"), model.get("state"), hand.asked);
    if (model.get("state") !== "pending") hand.asked = false;
  }
  function ask(value, except = null) {
    hand.asked = true;
    show(value, except);
    voice.say("pending", "pending");
    kernel.ask(value);
  }
  const end = new AbortController(), { signal } = end;
  const on = (target, event, handler) => target?.addEventListener(event, handler, { signal });
  connect(model, parts, scale, hand, ask, sync, on);
  const offer = () => { if (parts.choice) { options(model, parts.choice); sync(); } };
  const watched = { "change:value": sync, "change:said": sync, "change:state": sync,
    "change:frozen": sync, "change:choices": offer,
    "change:heard": () => { kernel.heard(); sync(); } };
  for (const [event, handler] of Object.entries(watched)) model.on(event, handler);
  el.append(parts.row);
  offer();
  sync();
  return () => {
    end.abort();
    voice.stop();
    kernel.stop();
    for (const [event, handler] of Object.entries(watched)) model.off(event, handler);
  };
}

export default { render };
