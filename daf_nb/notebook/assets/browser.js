// The runs of a folder as a grid: searched, filtered, sorted, picked, turned page by page.
// What is shown comes from the kernel, as text; a view asks by messages.

const HERE = 10000; // milliseconds between two signs that somebody may be looking
const PAUSE = 60; // milliseconds without a key before a search is asked for

function make(tag, properties = {}, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const set = (element, name, value) => {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
};
const write = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
const count = (number) => number.toLocaleString("en");
const runs = (number) => `${count(number)} run${number === 1 ? "" : "s"}`;
const STATUSES = ["QUEUED", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "INTERRUPTED", "LOST",
  "UNREADABLE"];

/** A list to choose from, whose first entry stands for all. */
function chooser(label, any, send) {
  const select = make("select", {}, { "aria-label": label });
  let drawn = "";
  select.addEventListener("change", () => send(select.value));
  const update = (options, value) => {
    const wanted = JSON.stringify(options);
    if (wanted !== drawn) {
      drawn = wanted;
      select.replaceChildren(make("option", { value: "", textContent: any }),
        ...options.map((one) => make("option", { value: one.value, textContent: one.text })));
    }
    select.value = value;
  };
  return { select, update };
}

/** The field to search by; it is not written over while this view types. */
function searcher(me, send) {
  const input = make("input", { type: "search", placeholder: "Search name, tag, cell, world, status, number",
    autocomplete: "off", spellcheck: false }, { "aria-label": "Search runs" });
  let soon, said = null;
  const ask = () => {
    clearTimeout(soon);
    if (input.value === said) return;
    said = input.value;
    send({ search: said, by: me });
  };
  input.addEventListener("input", () => {
    clearTimeout(soon);
    soon = setTimeout(ask, PAUSE);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") ask();
    if (event.key !== "Escape" || !input.value) return;
    event.preventDefault();
    input.value = "";
    ask();
  });
  const update = ({ search, by }) => {
    if (by === me) return;
    said = search;
    if (input.value !== search) input.value = search;
  };
  return { input, update, stop: () => clearTimeout(soon) };
}

/** The table itself: one stop of the Tab key, arrow keys inside of it. */
function grid(model, title, me) {
  const columns = model.get("columns"), width = columns.length + 1;
  const head = make("thead"), body = make("tbody");
  const table = make("table", {}, { role: "grid", "aria-labelledby": title,
    "aria-multiselectable": "true", "aria-colcount": width }, head, body);
  const every = make("input", { type: "checkbox", tabIndex: -1 });
  const sorters = columns.map(({ key, label, about }) => {
    const arrow = make("span", { className: "daf-arrow" }, { "aria-hidden": "true" });
    const button = make("button", { type: "button", tabIndex: -1, title: about }, {}, label, arrow);
    button.addEventListener("click", () => model.send({ sort: key }));
    return { key, button, arrow };
  });
  const titles = columns.map(({ kind, key }, place) => make("th",
    { className: `daf-is-${kind} daf-of-${key}` },
    { scope: "col", role: "columnheader", "aria-colindex": place + 2 }, sorters[place].button));
  head.append(make("tr", {}, { role: "row", "aria-rowindex": 1 }, make("th", { className: "daf-check" },
    { scope: "col", role: "columnheader", "aria-colindex": 1 }, every), ...titles));
  const lines = []; // { row, box, cells }, used again for whatever stands there
  const asked = new Map(); // number -> { on, turn }: picks that the kernel has not answered
  let at = [0, 0], last = null, turn = 0;

  const numberOf = (line) => Number(line.row.dataset.run);
  const shown = () => lines.filter(({ row }) => !row.hidden);
  const target = ([row, column]) => row === 0 ? (column === 0 ? every : sorters[column - 1].button)
    : column === 0 ? lines[row - 1].box : lines[row - 1].cells[column - 1];
  /** Where the Tab key comes in; moves the focus there, too, if it is asked to. */
  function go(row, column, focus = true) {
    const before = target([Math.min(at[0], lines.length), at[1]]);
    at = [Math.min(Math.max(0, row), shown().length), Math.min(Math.max(0, column), width - 1)];
    before.tabIndex = -1;
    const now = target(at);
    now.tabIndex = 0;
    if (!focus) return;
    now.focus({ preventScroll: true });
    now.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  function line(place) {
    const box = make("input", { type: "checkbox", tabIndex: -1 });
    const cells = columns.map(({ kind, key }, column) => make(column ? "td" : "th",
      { className: `daf-is-${kind} daf-of-${key}`, tabIndex: -1 },
      { role: column ? "gridcell" : "rowheader", "aria-colindex": column + 2 },
      make("span", { className: "daf-text" })));
    const row = make("tr", {}, { role: "row" },
      make("td", { className: "daf-check" }, { role: "gridcell", "aria-colindex": 1 }, box), ...cells);
    const made = { row, box, cells };
    box.addEventListener("click", (event) => pick(made, box.checked, event.shiftKey));
    row.addEventListener("click", (event) => {
      if (event.target === box || event.detail > 1 || String(getSelection())) return;
      pick(made, !box.checked, event.shiftKey);
    });
    row.addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); });
    row.addEventListener("dblclick", (event) => {
      if (event.target === box) return;
      getSelection().removeAllRanges(); // the word that a double click marks
      model.send({ open: numberOf(made) });
    });
    lines[place] = made;
    body.append(row);
  }
  /** One run, or with the shift key all from the one before on this page. */
  function pick(made, on, range) {
    const here = shown(), from = here.findIndex((one) => numberOf(one) === last);
    const to = here.indexOf(made);
    const some = range && from >= 0 ? here.slice(Math.min(from, to), Math.max(from, to) + 1) : [made];
    turn += 1;
    for (const one of some) {
      one.box.checked = on;
      asked.set(numberOf(one), { on, turn });
    }
    last = numberOf(made);
    model.send({ pick: some.map(numberOf), on, by: me, turn });
  }
  const moves = {
    ArrowUp: (row, column) => [row - 1, column], ArrowDown: (row, column) => [row + 1, column],
    ArrowLeft: (row, column) => [row, column - 1], ArrowRight: (row, column) => [row, column + 1],
    Home: (row, column, all) => [all ? 0 : row, 0],
    End: (row, column, all) => [all ? lines.length : row, width - 1],
  };
  table.addEventListener("keydown", (event) => {
    const many = event.ctrlKey || event.metaKey, made = at[0] ? lines[at[0] - 1] : null;
    const page = { PageUp: -1, PageDown: 1 }[event.key];
    if (event.altKey) return;
    if (moves[event.key]) go(...moves[event.key](...at, many));
    else if (page) model.send({ page: model.get("view").page + page });
    else if (many && event.key.toLowerCase() === "a") model.send({ all: true });
    else if (event.key === " " && made && event.target !== made.box) pick(made, !made.box.checked, event.shiftKey);
    else if (event.key === "Enter" && made) model.send({ open: numberOf(made) });
    else return;
    event.preventDefault();
  });
  table.addEventListener("focusin", (event) => {
    const row = [head.firstChild, ...lines.map((one) => one.row)].indexOf(event.target.closest("tr"));
    const column = [...event.target.closest("tr").children].indexOf(event.target.closest("th, td"));
    if (row !== at[0] || column !== at[1]) go(row, column, event.target !== target([row, column]));
  });
  every.addEventListener("click", () => model.send(every.checked ? { all: true } : { all: false }));

  function fill({ row, box, cells }, { id, name, picked, cells: wanted }, index) {
    row.hidden = false;
    row.dataset.run = id;
    box.checked = asked.get(id)?.on ?? picked; // what is drawn may be older than the click
    set(row, "aria-rowindex", index);
    set(row, "aria-selected", picked);
    set(box, "aria-label", `Select ${name}`);
    wanted.forEach(({ text, about }, column) => {
      const cell = cells[column];
      write(cell.firstChild, text);
      if (cell.title !== (about ?? "")) cell.title = about ?? "";
      if (columns[column].kind === "status") {
        const known = STATUSES.includes(text) ? ` daf-say daf-${text}` : "";
        cell.firstChild.className = `daf-text${known}`;
      }
    });
  }
  function update() {
    const rows = model.get("rows"), view = model.get("view");
    for (const [id, one] of asked) if (one.turn <= (view.turns[me] ?? 0)) asked.delete(id);
    while (lines.length < rows.length) line(lines.length);
    rows.forEach((row, place) => fill(lines[place], row, view.first + place + 1));
    const held = table.contains(document.activeElement);
    lines.slice(rows.length).forEach((made) => { made.row.hidden = true; });
    if (at[0] > rows.length) go(at[0], at[1], held);
    set(table, "aria-rowcount", view.found + 1);
    every.checked = view.all === "all";
    every.indeterminate = view.all === "some";
    set(every, "aria-label", `Select all ${runs(view.found)} found`);
    every.disabled = !view.found;
    sorters.forEach(({ key, arrow }, place) => {
      const way = view.sort === key ? "ascending" : view.sort === `-${key}` ? "descending" : "none";
      set(titles[place], "aria-sort", way);
      write(arrow, { ascending: "▲", descending: "▼", none: "" }[way]);
    });
  }
  go(0, 1, false);
  return { table, update };
}

function render({ model, el }) {
  const me = `view-${Math.random().toString(36).slice(2, 10)}`;
  const title = make("h4", { id: `${me}-title`, textContent: "Runs" });
  const search = searcher(me, (content) => model.send(content));
  const status = chooser("Status", "any status", (value) => model.send({ status: value }));
  const tag = chooser("Tag", "any tag", (value) => model.send({ tag: value }));
  const bar = make("div", { className: "daf-find" }, { role: "search", "aria-label": "Find runs" },
    search.input, status.select, tag.select);
  const { table, update } = grid(model, title.id, me);
  const around = make("div", { className: "daf-around" }, {}, table);
  around.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys for cells
  const empty = make("p", { className: "daf-empty" });
  const where = make("span", { className: "daf-where" }, { role: "status" });
  const picked = make("span", { className: "daf-picked" }, { role: "status" });
  const clear = make("button", { type: "button", textContent: "Clear" }, { "aria-label": "Clear the selection" });
  const previous = make("button", { type: "button", textContent: "Previous" }, { "aria-label": "Previous page of runs" });
  const next = make("button", { type: "button", textContent: "Next" }, { "aria-label": "Next page of runs" });
  const foot = make("div", { className: "daf-foot" }, {}, previous, next, where, picked, clear);
  el.append(make("div", { className: "daf-runs" }, {}, title, bar, around, empty, foot));

  previous.addEventListener("click", () => model.send({ page: model.get("view").page - 1 }));
  next.addEventListener("click", () => model.send({ page: model.get("view").page + 1 }));
  clear.addEventListener("click", () => model.send({ clear: true }));

  function draw() {
    const view = model.get("view");
    if (view.found === undefined) return;
    search.update(view);
    status.update(view.statuses, view.status);
    tag.update(view.tags, view.tag);
    tag.select.hidden = !view.tags.length;
    update();
    around.hidden = !view.found;
    write(empty, view.found ? "" : view.known ? "No run fits." : "Nothing was recorded here yet.");
    const to = view.first + model.get("rows").length - 1;
    const of = view.found === view.known ? runs(view.known) : `${count(view.found)} found of ${runs(view.known)}`;
    write(where, view.found ? `${count(view.first)} to ${count(to)}, ${of}` : of);
    const unseen = view.unseen ? `, ${count(view.unseen)} of them not found now` : "";
    write(picked, view.picked ? `${count(view.picked)} selected${unseen}` : "");
    const focused = document.activeElement;
    clear.hidden = !view.picked;
    previous.hidden = next.hidden = view.pages < 2;
    previous.disabled = view.page <= 0;
    next.disabled = view.page >= view.pages - 1;
    if (focused === next && next.disabled) previous.focus();
    if (focused === previous && previous.disabled) next.focus();
    if (focused === clear && clear.hidden) search.input.focus();
  }
  // Both change at once, and are drawn once.
  let drawing = false;
  const soon = () => {
    if (drawing) return;
    drawing = true;
    queueMicrotask(() => { drawing = false; draw(); });
  };
  model.on("change:rows", soon);
  model.on("change:view", soon);
  const here = () => { if (!document.hidden && el.isConnected) model.send({ here: me }); };
  const watch = setInterval(here, HERE);
  document.addEventListener("visibilitychange", here);
  queueMicrotask(here);
  draw();
  return () => {
    model.off("change:rows", soon);
    model.off("change:view", soon);
    clearInterval(watch);
    document.removeEventListener("visibilitychange", here);
    search.stop();
  };
}

export default { render };
