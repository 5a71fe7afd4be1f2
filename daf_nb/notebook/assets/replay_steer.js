// What a replay is steered by: the curve of rewards, and the player's bar. Goes before replay.js.

const SPEEDS = [1, 2, 5, 10, 15, 20, 30, 60]; // steps per second

/** Rewards so far of all steps, and where the cursor is. */
function chart(seek) {
  const [wide, high, left, right, top, low] = [420, 120, 46, 8, 6, 18];
  const lines = draw("g"), texts = draw("g"), zero = draw("line", { class: "daf-zero" });
  const cursor = draw("line", { class: "daf-cursor", y1: top, y2: high - low });
  const svg = draw("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", class: "daf-film-chart" },
    zero, lines, cursor, texts);
  const name = make("figcaption");
  const element = make("figure", {}, {}, name, svg);
  let last = 1;
  const x = (step) => left + (wide - left - right) * step / Math.max(1, last);
  const at = (event) => {
    const box = svg.getBoundingClientRect();
    const part = ((event.clientX - box.left) / box.width * wide - left) / (wide - left - right);
    seek(Math.round(Math.min(1, Math.max(0, part)) * last));
  };
  svg.addEventListener("pointerdown", (event) => { svg.setPointerCapture(event.pointerId); at(event); });
  svg.addEventListener("pointermove", (event) => { if (event.buttons & 1) at(event); });
  return {
    element,
    show(film, [least, most], end) {
      last = end;
      const span = most - least || 1;
      const y = (value) => high - low - (high - low - top) * (value - least) / span;
      const shown = linesOf(film), alone = film.agents.length > MOST_LINES;
      const what = alone ? `Reward so far, mean of ${film.agents.length} agents` : "Reward so far";
      write(name, what);
      svg.setAttribute("aria-label", `${film.title}: ${what.toLowerCase()}, against steps`);
      lines.replaceChildren(...shown.map((line, place) => draw("polyline", {
        class: `daf-film-hue-${place}`,
        points: film.curves.steps.map((step, i) => [step, line[i]]).filter(([, v]) => v !== null)
          .map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
      })));
      for (const [key, value] of Object.entries({ x1: left, x2: wide - right, y1: y(0), y2: y(0) })) {
        zero.setAttribute(key, value);
      }
      const text = (place, height, words, anchor = "end") => draw("text",
        { x: place, y: height, "text-anchor": anchor }, words);
      texts.replaceChildren(
        ...(most > 0 ? [text(left - 6, top + 8, words(most))] : []),
        ...(least < 0 ? [text(left - 6, high - low, words(least))] : []),
        ...(y(0) > top + 18 && y(0) < high - low - 10 || !(least < 0) || !(most > 0)
          ? [text(left - 6, y(0) + (most > 0 ? 0 : 8), "0")] : []),
        text(left, high - 4, "0", "start"), text(wide - right, high - 4, `step ${count(last)}`));
    },
    move(step) { cursor.setAttribute("x1", x(step)); cursor.setAttribute("x2", x(step)); },
  };
}
function linesOf(film) {
  const lines = film.curves.lines;
  if (lines.length <= MOST_LINES) return lines;
  return [film.curves.steps.map((_, i) => lines.reduce((sum, line) => sum + (line[i] ?? 0), 0) / lines.length)];
}

/** The bar: buttons, slider, speed. */
function bar(act) {
  const button = (name, label) => {
    const one = make("button", { type: "button", title: label }, { "aria-label": label }, icon(name));
    one.addEventListener("click", () => act(name));
    return one;
  };
  const play = button("play", "Play");
  const slider = make("input", { type: "range", min: 0, max: 0, value: 0 }, { "aria-label": "Step" });
  const told = make("span", { className: "daf-step" });
  const speed = make("select", {}, { "aria-label": "Speed" });
  const loop = make("input", { type: "checkbox" });
  slider.addEventListener("input", () => act("seek", Number(slider.value)));
  const element = make("div", { className: "daf-bar-player" }, { role: "group", "aria-label": "Player" },
    make("span", { className: "daf-buttons" }, {}, button("first", "First step"), button("back", "One step back"),
      play, button("forward", "One step on"), button("last", "Last step")),
    slider, told, speed, make("label", { className: "daf-loop" }, {}, loop, "Repeat"));
  let fps = null;
  return {
    element, loop, slider,
    speed: () => Number(speed.value),
    offer(wanted) {
      if (wanted === fps) return;
      fps = wanted;
      const all = [...new Set([...SPEEDS, Math.round(fps * 100) / 100])].sort((a, b) => a - b);
      speed.replaceChildren(...all.map((one) => make("option", { value: one, textContent: `${one} steps/s` })));
      speed.value = String(Math.round(fps * 100) / 100);
    },
    show(step, last) {
      if (slider.max !== String(last)) slider.max = last;
      if (slider.value !== String(step)) slider.value = step;
      const text = `step ${count(step)} of ${count(last)}`;
      slider.setAttribute("aria-valuetext", text);
      write(told, text);
    },
    playing(now) {
      play.querySelector("path").setAttribute("d", ICONS[now ? "pause" : "play"]);
      play.title = now ? "Pause" : "Play";
      play.setAttribute("aria-label", play.title);
    },
  };
}
