// What a replay shows: elements, a film's stage, the numbers of a step. Goes before replay.js.

const MOST_LINES = 8; // agents with a colour of their own
const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  first: "M3 3h2v10H3zM13 3v10L6 8z", back: "M11 3v10L4 8z", play: "M4 2.5v11L13 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z", forward: "M5 3v10l7-5z", last: "M11 3h2v10h-2zM3 3v10l7-5z",
};

function make(tag, properties = {}, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
const count = (number) => number.toLocaleString("en");
function words(number) {
  if (number === null || number === undefined) return "";
  const size = Math.abs(number);
  if (size < 0.005) return size === 0 ? "0.00" : number.toPrecision(1);
  if (size >= 1e5) return number.toExponential(2);
  return number.toFixed(2);
}

function icon(name) {
  return draw("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    draw("path", { d: ICONS[name], fill: "currentColor" }));
}

/** A film's head and its picture. */
function stage() {
  const title = make("h4"), facts = make("p", { className: "daf-film-facts" });
  const canvas = make("canvas", { width: 4, height: 3 }, { role: "img" });
  const wait = make("p", { className: "daf-film-wait" });
  const error = make("p", { className: "daf-film-error" }, { role: "alert" });
  const element = make("section", { className: "daf-stage" }, {},
    make("header", {}, {}, title, facts), make("div", { className: "daf-screen" }, {}, canvas, wait), error);
  let turn = 0;
  return {
    element,
    tell(film) {
      write(title, film.title);
      title.title = film.title;
      write(facts, film.facts);
      write(error, film.error);
      error.hidden = !film.error;
    },
    wait(text) { write(wait, text); wait.hidden = !text; },
    /** Draws a picture, unless a later one comes first; whether it was drawn. */
    async show(blob, about) {
      const mine = ++turn;
      const bitmap = await createImageBitmap(blob);
      if (mine !== turn) { bitmap.close(); return false; }
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
        Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
        canvas.classList.toggle("daf-tiny", Math.max(bitmap.width, bitmap.height) < 240);
      }
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
      canvas.setAttribute("aria-label", about);
      return true;
    },
  };
}

/** Chances of actions as bars; what is taken stands out. */
function bars(cell, row) {
  if (!row.bars) {
    cell.title = row.about ?? "";
    write(cell, row.odds ?? (row.chance === undefined ? "" : `${Math.round(100 * row.chance)} %`));
    return;
  }
  let graph = cell.querySelector(".daf-chances");
  if (!graph || graph.children.length !== row.bars.length) {
    graph = make("span", { className: "daf-chances" }, { "aria-hidden": "true" },
      ...row.bars.map(() => make("i")));
    cell.replaceChildren(graph, make("span", { className: "daf-percent" }));
  }
  const most = Math.max(...row.bars) || 1;
  row.bars.forEach((chance, place) => {
    graph.children[place].style.height = `${Math.max(6, 100 * chance / most)}%`;
    graph.children[place].classList.toggle("daf-taken", place === row.chosen);
  });
  cell.title = row.bars.map((chance, place) => `${place}: ${(100 * chance).toFixed(1)} %`).join("\n");
  write(cell.lastChild, `${Math.round(100 * row.chance)} %`);
}

/** The numbers of a step, an agent a row. */
function table() {
  const body = make("tbody"), head = make("tr");
  const grid = make("table", {}, {}, make("thead", {}, {}, head), body);
  const element = make("div", { className: "daf-numbers" }, { role: "region", tabindex: 0 }, grid);
  let drawn = "";
  const build = (film, names) => {
    head.replaceChildren(...names.map(([label, about]) =>
      make("th", { textContent: label, title: about }, { scope: "col" })));
    const coloured = film.agents.length <= MOST_LINES;
    body.replaceChildren(...film.agents.map((agent, place) => make("tr", {}, {},
      make("th", { title: agent }, { scope: "row" }, ...(coloured
        ? [make("i", { className: `daf-dot daf-film-hue-${place}` })] : []), agent),
      ...names.slice(1).map(() => make("td")))));
  };
  return {
    element,
    show(film, rows) {
      const names = [["Agent", ""], ["Action", "what it does next, from what this picture shows"],
        ...(film.judged ? [["Policy", "how likely its policy finds each action; of continuous ones, mean and deviation"],
          ["Value", "the discounted return that its policy expects from here"]] : []),
        [`Reward`, "what the newest step earned it"], ["So far", "the sum of its rewards"]];
      const wanted = JSON.stringify([film.agents, film.judged]);
      if (wanted !== drawn) { drawn = wanted; build(film, names); }
      element.setAttribute("aria-label", `${film.title}: numbers of the step`);
      rows.forEach((row, place) => {
        const line = body.children[place];
        if (!line) return;
        const [action, ...rest] = [...line.children].slice(1);
        const ended = row.action === undefined;
        line.classList.toggle("daf-gone", ended && row.state !== "alive");
        write(action, row.action ?? (row.state === "alive" ? "" : row.state));
        if (film.judged) {
          bars(rest.shift(), row);
          write(rest.shift(), words(row.value));
        }
        write(rest[0], words(row.reward));
        write(rest[1], words(row.total));
      });
    },
  };
}
