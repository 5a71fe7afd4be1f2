// A table of keyed rows: text, numbers, gauges, number fields and buttons.
// What is shown comes from the kernel; only what differs is drawn again.

const SHORT = 24; // letters that are not broken into lines

function make(tag, properties = {}, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const percent = (share) => `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;

function gauge(cell, band) {
  const bar = make("i", {}, { "aria-hidden": "true" });
  if (cell.from !== undefined) {
    const part = make("b");
    part.style.left = percent(cell.from);
    part.style.width = percent(cell.to - cell.from);
    bar.append(part);
  }
  if (cell.low !== undefined) {
    const whisker = make("u");
    whisker.style.left = percent(cell.low);
    whisker.style.width = percent(cell.high - cell.low);
    bar.append(whisker);
  }
  if (band && cell.at !== undefined) {
    const mark = make("u");
    mark.style.left = percent(cell.at);
    bar.append(mark);
  }
  const out = band && cell.out ? " daf-out" : "";
  return make("span", { className: `daf-gauge${band ? " daf-band" : ""}${out}` }, {}, bar,
    make("span", { textContent: cell.text }));
}

/** A number field that is not written over while somebody types in it. */
function field(send) {
  let typing = false, shown = null;
  const input = make("input", { type: "number", step: "any" });
  const commit = () => {
    const value = Number(input.value);
    if (!typing) return;
    typing = false;
    if (input.value.trim() === "" || !Number.isFinite(value)) input.value = shown;
    else send(value);
  };
  input.addEventListener("input", () => { typing = true; });
  input.addEventListener("change", commit);
  input.addEventListener("blur", commit);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") commit();
    if (event.key === "Escape") { typing = false; input.value = shown; }
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const next = Number(input.value) + (event.key === "ArrowUp" ? 1 : -1) * Number(input.dataset.by);
    input.value = Math.min(Number(input.max || Infinity),
      Math.max(Number(input.min || -Infinity), Number(next.toPrecision(12))));
    typing = true;
    commit();
  });
  const update = (cell) => {
    shown = cell.value ?? "";
    if (!typing) input.value = shown;
    input.min = cell.min ?? "";
    input.max = cell.max ?? "";
    input.dataset.by = cell.by ?? 1;
    input.disabled = Boolean(cell.frozen);
    input.setAttribute("aria-label", cell.name);
  };
  return { input, update };
}

function render({ model, el }) {
  const id = `daf-table-${Math.random().toString(36).slice(2, 10)}`;
  const caption = make("h4", { id }), head = make("thead"), body = make("tbody");
  const pages = make("div", { className: "daf-pages" }, { role: "group" });
  const empty = make("div", { className: "daf-empty" });
  const table = make("table", {}, { "aria-labelledby": id }, head, body);
  // What scrolls is reached by the Tab key, and has a name.
  const around = make("div", { className: `daf-around${model.get("tall") ? " daf-tall" : ""}` },
    { role: "group", "aria-labelledby": id }, table);
  const root = make("div", { className: "daf-table" }, {}, caption, around, empty, pages);
  const previous = make("button", { type: "button", textContent: "Previous" });
  const next = make("button", { type: "button", textContent: "Next" });
  const where = make("span", {}, { "aria-live": "polite" });
  pages.append(previous, next, where);
  el.append(root);
  const drawn = new Map(); // key -> { row, cells, fields }

  function fill(td, kind, cell, entry, column, key) {
    if (kind === "field" && cell !== null && typeof cell === "object") {
      const made = entry.fields[column] ??= field((value) => model.send({ key, column, value }));
      if (td.firstChild !== made.input) td.replaceChildren(made.input);
      made.update(cell);
    } else if ((kind === "gauge" || kind === "band") && cell !== null && typeof cell === "object") {
      td.replaceChildren(gauge(cell, kind === "band"));
    } else if (kind === "buttons") {
      td.replaceChildren(...(cell ?? []).map(({ text, action, name }) => {
        const button = make("button", { type: "button", textContent: text }, { "aria-label": name });
        button.addEventListener("click", () => { button.disabled = true; model.send({ key, action }); });
        return button;
      }));
    } else {
      td.textContent = cell ?? "";
      td.classList.toggle("daf-short", td.textContent.length <= SHORT);
    }
  }
  function heading() {
    const names = model.get("columns").map(({ label, kind, about }) => make("th", {
      textContent: label, title: about ?? "", className: kind === "number" ? "daf-right" : "" },
      { scope: "col" }));
    head.replaceChildren(make("tr", {}, {}, ...names));
  }
  function rows() {
    const columns = model.get("columns"), wanted = model.get("rows");
    const keys = new Set(wanted.map(({ key }) => key));
    let bereft = false;
    for (const [key, { row }] of drawn) {
      if (keys.has(key)) continue;
      bereft ||= row.contains(document.activeElement);
      row.remove();
      drawn.delete(key);
    }
    wanted.forEach(({ key, cells }, place) => {
      let entry = drawn.get(key);
      if (!entry) {
        const tds = columns.map(({ kind }, column) => make(column ? "td" : "th",
          { className: { number: "daf-right", buttons: "daf-buttons" }[kind] ?? "daf-wide" },
          column ? {} : { scope: "row" }));
        entry = { row: make("tr", {}, {}, ...tds), tds, cells: [], fields: {} };
        drawn.set(key, entry);
      }
      columns.forEach(({ kind }, column) => {
        const cell = cells[column] ?? null, text = JSON.stringify(cell);
        if (entry.cells[column] === text) return;
        entry.cells[column] = text;
        fill(entry.tds[column], kind, cell, entry, column, key);
      });
      // What stands where it should is not moved, or it would lose the focus.
      if (body.children[place] !== entry.row) body.insertBefore(entry.row, body.children[place] ?? null);
    });
    if (bereft) body.querySelector("button, input")?.focus();
    around.hidden = !wanted.length;
    empty.textContent = wanted.length ? "" : model.get("empty");
  }
  function answered() {
    for (const entry of drawn.values()) entry.cells = [];
    rows();
  }
  function frame() {
    const note = model.get("note"), title = model.get("caption");
    caption.replaceChildren(title, ...(note ? [" ", make("span", { textContent: note })] : []));
    const page = model.get("page"), count = model.get("pages");
    pages.hidden = count < 2;
    pages.style.display = count < 2 ? "none" : "";
    pages.setAttribute("aria-label", `pages of ${title}`);
    previous.setAttribute("aria-label", `Previous page of ${title}`);
    next.setAttribute("aria-label", `Next page of ${title}`);
    const focused = document.activeElement;
    previous.disabled = page <= 0;
    next.disabled = page >= count - 1;
    if (focused === next && next.disabled) previous.focus();
    if (focused === previous && previous.disabled) next.focus();
    const text = `page ${page + 1} of ${count}`;
    if (where.textContent !== text) where.textContent = text;
  }
  previous.addEventListener("click", () => model.send({ page: model.get("page") - 1 }));
  next.addEventListener("click", () => model.send({ page: model.get("page") + 1 }));

  const watched = { "change:rows": rows, "change:answered": answered, "change:empty": rows, "change:note": frame,
    "change:caption": frame, "change:page": frame, "change:pages": frame };
  for (const [event, handler] of Object.entries(watched)) model.on(event, handler);
  heading();
  frame();
  rows();
  return () => { for (const [event, handler] of Object.entries(watched)) model.off(event, handler); };
}

export default { render };
