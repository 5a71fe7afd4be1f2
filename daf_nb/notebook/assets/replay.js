// One film, or two under one cursor: a stage for each, the player's bar, and the numbers of a step.
// The kernel has the pictures; a view asks for those about the cursor and keeps some, compressed.
// replay_look.js and replay_steer.js go before it: a widget is one module.

const AHEAD = 16; // pictures that are asked for ahead of the cursor
const EVERY = 30; // milliseconds between two askings
const PATIENCE = 4000; // milliseconds until it is said that a picture has not come
const KEPT = 2 ** 24; // bytes of pictures that a view keeps of each film
const SYNC = 250; // milliseconds between two tellings of the cursor while it plays

/** Pictures and rows of one film by step: asked for, kept within bounds. */
function library(place, ask, arrived) {
  const kept = new Map(), pending = new Map();
  let size = 0, timer = null, want = [], at = 0;
  const flush = () => {
    timer = null;
    if (want.length) ask({ film: place, at, want });
  };
  return {
    get: (step) => kept.get(step),
    /** Sees to it that the pictures from a step on come, those in front first. */
    need(step, last) {
      at = step;
      want = [];
      for (let one = step; one <= Math.min(last, step + AHEAD); one++) if (!kept.has(one)) want.push(one);
      const now = performance.now();
      const late = want.some((one) => now - (pending.get(one) ?? -Infinity) > PATIENCE);
      for (const one of [...pending.keys()]) if (!want.includes(one)) pending.delete(one);
      // The kernel forgets what is not asked for again, so that one asking names all.
      if (!late && want.slice(0, AHEAD / 2).every((one) => pending.has(one))) return;
      for (const one of want) pending.set(one, pending.get(one) ?? now);
      if (late) for (const one of want) pending.set(one, now);
      timer ??= setTimeout(flush, EVERY);
    },
    take(step, rows, content) {
      pending.delete(step);
      size += content.byteLength - (kept.get(step)?.size ?? 0);
      kept.set(step, { rows, size: content.byteLength, blob: new Blob([content]) });
      for (const [far] of size > KEPT ? [...kept].sort(([a], [b]) => Math.abs(b - at) - Math.abs(a - at)) : []) {
        if (size <= KEPT || far === step) break;
        size -= kept.get(far).size;
        kept.delete(far);
      }
      arrived();
    },
    stop() { clearTimeout(timer); },
  };
}

export default { render: (context) => view(context) };

function view({ model, el }) {
  const me = Math.random().toString(36).slice(2), films = model.get("films");
  const shows = films.map(() => ({ stage: stage(), table: table(), chart: chart((step) => seek(step)),
    name: make("h5"), caption: make("p", { className: "daf-film-caption" }), drawn: -1 }));
  const libraries = films.map((_, place) =>
    library(place, (asked) => model.send({ ...asked, me }), () => refresh()));
  const player = bar(act);
  const root = make("div", { className: `daf-replay daf-films-${films.length}` }, {}, make("div", { className: "daf-films" }, {},
    ...shows.map((one) => one.stage.element), player.element,
    ...shows.map((one) => make("div", { className: "daf-facts" }, {},
      one.name, one.table.element, one.chart.element, one.caption))));
  let step = model.get("step"), playing = false, clock = 0, frame = 0, told = 0, since = performance.now();

  const last = () => model.get("last");
  const lastOf = (film) => film.last === null || film.last < 0 ? null : film.last;
  const ready = () => model.get("films").every((film, place) => {
    const end = lastOf(film);
    return end === null || shows[place].drawn === Math.min(step, end);
  });
  function share(force) {
    const now = performance.now();
    if (!force && now - told < SYNC) return;
    told = now;
    if (model.get("step") !== step) { model.set("step", step); model.save_changes(); }
  }
  function seek(wanted) {
    step = Math.min(last(), Math.max(0, wanted));
    since = performance.now();
    player.show(step, last());
    share(!playing);
    refresh();
  }
  function act(what, value) {
    if (what === "play") { toggle(); return; }
    if (what !== "seek") stop();
    seek({ first: 0, back: step - 1, forward: step + 1, last: last(), seek: value }[what]);
  }
  function stop() {
    if (!playing) return;
    playing = false;
    cancelAnimationFrame(frame);
    player.playing(false);
    share(true);
  }
  function toggle() {
    if (playing) { stop(); return; }
    if (last() === 0) return;
    playing = true;
    player.playing(true);
    clock = performance.now();
    if (step >= last()) seek(0);
    frame = requestAnimationFrame(tick);
  }
  function tick(now) {
    if (!playing) return;
    frame = requestAnimationFrame(tick);
    if (now - clock < 1000 / player.speed() - 4 || !ready()) return;
    // What came late is not made up for: no picture is left out.
    clock = Math.max(clock + 1000 / player.speed(), now - 1000 / player.speed());
    if (step < last()) seek(step + 1);
    else if (player.loop.checked) seek(0);
    else stop();
  }
  function refresh() {
    model.get("films").forEach((film, place) => {
      const end = lastOf(film), one = shows[place];
      if (end === null) { one.stage.wait(film.error ? "" : "Playing the episode …"); return; }
      const here = Math.min(step, end), found = libraries[place].get(here);
      one.chart.move(here);
      libraries[place].need(here, end);
      if (!found) {
        one.stage.wait(performance.now() - since > PATIENCE ? "No picture from the kernel yet …" : one.drawn < 0 ? "Drawing …" : "");
        return;
      }
      if (one.drawn === here) return;
      const ended = here < step ? `, ended at step ${here}` : "";
      one.stage.show(found.blob, `${film.title}, step ${here} of ${end}${ended}`).then((done) => {
        if (!done) return;
        one.drawn = here;
        one.stage.wait("");
        one.table.show(film, found.rows);
      });
    });
  }
  function tell() {
    const all = model.get("films");
    const values = all.flatMap((film) => linesOf(film).flat()).filter((value) => value !== null);
    const range = [Math.min(0, ...values), Math.max(0, ...values)];
    all.forEach((film, place) => {
      shows[place].stage.tell(film);
      write(shows[place].name, film.title);
      write(shows[place].caption, film.caption);
      shows[place].chart.show(film, range, Math.max(1, last()));
    });
    player.offer(model.get("fps"));
    step = Math.min(step, last());
    player.show(step, last());
    refresh();
  }
  const hear = (content, buffers) => {
    const picture = buffers[0];
    libraries[content.film].take(content.step, content.rows, picture);
  };
  const follow = () => { if (!playing && model.get("step") !== step) { step = model.get("step"); seek(step); } };
  const keys = { " ": () => toggle(), ArrowLeft: () => act("back"), ArrowRight: () => act("forward"),
    Home: () => act("first"), End: () => act("last") };
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation(); // JupyterLab's own plain keys would act on the cell
    const inside = event.target.closest("input, select") || (event.key === " " && event.target.closest("button"));
    if (inside && !(event.key === " " && event.target === player.slider)) return;
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  const watched = { "msg:custom": hear, "change:films": tell, "change:last": tell, "change:fps": tell, "change:step": follow };
  for (const [event, handler] of Object.entries(watched)) model.on(event, handler);
  const again = setInterval(() => { if (!ready()) refresh(); }, 500);
  el.append(root);
  tell();
  return () => {
    stop();
    clearInterval(again);
    for (const one of libraries) one.stop();
    for (const [event, handler] of Object.entries(watched)) model.off(event, handler);
  };
}
