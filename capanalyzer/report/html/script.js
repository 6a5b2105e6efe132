"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const read = (id) => JSON.parse($(id).textContent);
  const texts = read("texts");
  const data = read("rows");
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const counted = (n) => n.toLocaleString("en-US");
  document.documentElement.className = "script";

  function make(name, text, properties) {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    return Object.assign(element, properties);
  }

  // --- Columns: an array of numbers, or one number where all rows have the same ---

  const column = (name) => {
    const values = data[name];
    return Array.isArray(values) ? (row) => values[row] : () => values;
  };
  const at = {};
  for (const name of ["capture", "stream", "udp", "time", "outcome", "cause", "client", "clientPort", "server",
    "serverPort", "name", "version", "handshake"]) at[name] = column(name);

  const outcomeOf = (row) => data.outcomes[at.outcome(row)];
  const endpoint = (ip, port) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
  const several = texts.captures > 1;
  const manyDays = (() => {
    let last = 0;
    for (let row = 0; row < data.rows; row++) last = Math.max(last, at.time(row));
    return Math.floor(data.start / 864e5) !== Math.floor((data.start + last) / 864e5);
  })();

  function milliseconds(us) {
    if (us < 0) return "";
    const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    return us < 1e7
      ? fill(texts.milliseconds, { n: (us / 1e3).toLocaleString("en-US", digits) })
      : fill(texts.seconds, { n: (us / 1e6).toLocaleString("en-US", digits) });
  }

  const show = {
    number: (row) => (several ? `${at.capture(row)}:${at.stream(row)}` : String(at.stream(row))),
    time: (row) => {
      const text = new Date(data.start + at.time(row)).toISOString();
      return manyDays ? `${text.slice(5, 10)} ${text.slice(11, 19)}` : text.slice(11, 23);
    },
    outcome: (row) => texts.outcomes[outcomeOf(row)],
    cause: (row) => data.causes[at.cause(row)],
    client: (row) => endpoint(data.addresses[at.client(row)], at.clientPort(row)),
    server: (row) => endpoint(data.addresses[at.server(row)], at.serverPort(row)),
    name: (row) => data.names[at.name(row)],
    version: (row) => data.versions[at.version(row)],
    handshake: (row) => milliseconds(at.handshake(row)),
  };
  const columns = Object.keys(show);

  // What a column sorts by; null sorts last in either direction.
  const urgency = ["failed", "incomplete", "plaintext", "idle", "established"];
  const known = (table, name) => (row) => (table[at[name](row)] === "" ? null : at[name](row));
  const rank = {
    number: (row) => row,
    time: (row) => at.time(row),
    outcome: (row) => urgency.indexOf(outcomeOf(row)),
    cause: known(data.causes, "cause"),
    client: (row) => at.client(row) * 65536 + at.clientPort(row),
    server: (row) => at.server(row) * 65536 + at.serverPort(row),
    name: known(data.names, "name"),
    version: known(data.versions, "version"),
    handshake: (row) => (at.handshake(row) < 0 ? null : at.handshake(row)),
  };

  // --- Filter and sort ---

  const form = $("filters");
  const frame = $("window");
  const table = $("table");
  const body = table?.tBodies[0];
  const texts_of_rows = [];
  let sort = { key: "outcome", down: false };
  let sorted = null;
  let order = [];
  let current = 0;

  function searchable(row) {
    return (texts_of_rows[row] ??= columns.slice(0, -1).map((name) => show[name](row)).join(" ").toLowerCase());
  }

  function sortedRows() {
    if (sorted) return sorted;
    const value = rank[sort.key];
    const keys = new Float64Array(data.rows);
    for (let row = 0; row < data.rows; row++) {
      const one = value(row);
      keys[row] = one === null ? Infinity : sort.down ? -one : one;
    }
    sorted = Uint32Array.from(keys.keys());
    return sorted.sort((one, other) => (keys[one] < keys[other] ? -1 : keys[one] > keys[other] ? 1 : one - other));
  }

  function tests() {
    const wanted = Object.fromEntries(new FormData(form));
    const found = [];
    for (const name of ["outcome", "cause"]) {
      if (wanted[name]) found.push((row) => at[name](row) === Number(wanted[name]));
    }
    for (const name of ["client", "server", "name"]) {
      const part = wanted[name].trim().toLowerCase();
      if (part) found.push((row) => show[name](row).toLowerCase().includes(part));
    }
    for (const word of wanted.search.toLowerCase().split(/\s+/).filter(Boolean)) {
      found.push((row) => searchable(row).includes(word));
    }
    return found;
  }

  function update() {
    const needed = tests();
    order = sortedRows().filter((row) => needed.every((test) => test(row)));
    current = 0;
    frame.scrollTop = 0;
    $("shown").textContent =
      order.length === 0 ? texts.none
        : order.length === data.rows ? texts.all
          : fill(texts.shown, { n: counted(order.length), all: counted(data.rows) });
    table.setAttribute("aria-rowcount", order.length + 1);
    frame.classList.toggle("few", order.length <= 12);
    redraw();
  }

  // --- Only the rows in sight are in the document ---

  const SPARE = 10;
  let height = 33;

  const pads = [0, 1].map(() => {
    const cell = make("td", undefined, { colSpan: columns.length });
    const line = make("tr", undefined, { className: "pad" });
    line.setAttribute("aria-hidden", "true");
    line.append(cell);
    return line;
  });
  let drawn = { first: 0, last: 0 };

  function line(place) {
    const row = order[place];
    const element = make("tr");
    element.setAttribute("aria-rowindex", place + 2);
    element.dataset.place = place;
    for (const name of columns) {
      const text = show[name](row);
      const cell = make("td", name === "number" ? undefined : text, { className: name });
      if (name === "outcome") cell.classList.add(outcomeOf(row));
      if (name === "number") {
        const button = make("button", text, { type: "button", className: "row", tabIndex: -1 });
        button.setAttribute("aria-label", `${fill(texts.session, { number: text })}, ${show.outcome(row)}`);
        cell.append(button);
      } else if (text.length > 16) cell.title = text;
      element.append(cell);
    }
    return element;
  }

  function pad(line, rows) {
    line.hidden = rows === 0;
    line.cells[0].style.height = `${rows * height}px`;
  }

  function lines(first, last) {
    return Array.from({ length: Math.max(0, last - first) }, (_, index) => line(first + index));
  }

  // Rows that stay in sight stay in the document, so that the focus stays where it is.
  function draw() {
    const top = Math.floor(frame.scrollTop / height);
    const first = Math.max(0, Math.min(top, order.length - 1) - SPARE);
    const last = Math.min(order.length, top + Math.ceil(frame.clientHeight / height) + SPARE);
    if (first >= drawn.last || last <= drawn.first) {
      body.replaceChildren(pads[0], ...lines(first, last), pads[1]);
    } else {
      for (const line of [...body.querySelectorAll("[data-place]")]) {
        if (line.dataset.place < first || line.dataset.place >= last) line.remove();
      }
      pads[0].after(...lines(first, drawn.first));
      pads[1].before(...lines(drawn.last, last));
    }
    drawn = { first, last };
    pad(pads[0], first);
    pad(pads[1], order.length - last);
    for (const one of body.querySelectorAll(".row[tabindex='0']")) one.tabIndex = -1;
    const stop = button(Math.max(first, Math.min(last - 1, current)));
    if (stop) stop.tabIndex = 0;
    const measured = stop?.closest("tr").getBoundingClientRect().height;
    if (measured && Math.abs(measured - height) > 0.5) {
      height = measured;
      draw();
    }
  }

  function redraw() {
    drawn = { first: 0, last: 0 };
    draw();
  }

  const button = (place) => body.querySelector(`tr[data-place="${place}"] .row`);

  function go(place) {
    current = Math.max(0, Math.min(order.length - 1, place));
    const top = current * height;
    const room = frame.clientHeight - 34 - height;
    if (top < frame.scrollTop) frame.scrollTop = top;
    else if (top > frame.scrollTop + room) frame.scrollTop = top - room;
    draw();
    button(current)?.focus({ preventScroll: true });
  }

  function moved(key) {
    const page = Math.max(1, Math.floor(frame.clientHeight / height) - 2);
    return { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page,
      Home: 0, End: order.length - 1 }[key];
  }

  // --- One session laid over the page ---

  const sheet = $("sheet");
  const identity = (row) => at.capture(row) * 1e9 + (at.udp(row) ? 5e8 : 0) + at.stream(row);

  // In detail sessions are either part of an incident above, or markup in a data block.
  function detail(id) {
    const above = document.querySelector(`main [data-session="${id}"]`);
    if (above) return above.cloneNode(true).childNodes;
    if (!$(`session-${id}`)) return null;
    const content = document.createElement("template");
    content.innerHTML = read(`session-${id}`);
    return [content.content];
  }

  function brief(row) {
    const list = make("dl", undefined, { className: "measured" });
    for (const name of columns.slice(1)) {
      const text = show[name](row);
      if (!text) continue;
      const group = make("div");
      group.append(make("dt", texts.columns[name]), make("dd", text, { className: "wire" }));
      list.append(group);
    }
    const filter = `${at.udp(row) ? "udp" : "tcp"}.stream eq ${at.stream(row)}`;
    const copy = make("button", texts.copy, { type: "button", className: "copy" });
    copy.dataset.copy = filter;
    copy.setAttribute("aria-label", fill(texts.copyWhat, { what: filter }));
    const line = make("p", undefined, { className: "copyable" });
    line.append(make("code", filter), copy);
    return [make("p", texts.brief, { className: "soft" }), list, make("h3", texts.filter), line];
  }

  function open(place) {
    current = place;
    const row = order[place];
    const id = identity(row);
    $("sheet-title").textContent = fill(texts.session, { number: show.number(row) });
    $("sheet-body").replaceChildren(...(detail(id) ?? brief(row)));
    $("sheet-previous").disabled = place === 0;
    $("sheet-next").disabled = place === order.length - 1;
    history.replaceState(null, "", `#session-${id}`);
    if (!sheet.open) sheet.showModal();
    sheet.scrollTop = 0;
    $("sheet-title").focus();
  }

  function openByAddress() {
    const wanted = /^#session-(\d+)$/.exec(location.hash);
    if (!wanted) return;
    const place = order.findIndex((row) => identity(row) === Number(wanted[1]));
    if (place >= 0) open(place);
  }

  // --- Copying ---

  const told = make("p", "", { className: "unseen" });
  told.setAttribute("role", "status");
  document.body.append(told);

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = make("textarea", text, { className: "unseen" });
      const focused = document.activeElement;
      (sheet.open ? sheet : document.body).append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      focused?.focus({ preventScroll: true });
      return done;
    }
  }

  async function copy(source) {
    const done = await copied(source.dataset.copy);
    const text = done ? texts.copied : texts.failed;
    told.textContent = "";
    told.textContent = `${text}: ${source.dataset.copy}`;
    if (source.classList.contains("done")) return;
    const label = source.textContent;
    if (!source.classList.contains("frame")) source.textContent = text;
    source.classList.add("done");
    setTimeout(() => {
      source.textContent = label;
      source.classList.remove("done");
    }, 1600);
  }

  // --- What happens when ---

  document.addEventListener("click", (event) => {
    const source = event.target.closest("[data-copy]");
    if (source) copy(source);
  });

  // On paper everything is unfolded.
  const folded = () => document.querySelectorAll("details.example:not([open])");
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...folded()];
    for (const one of unfolded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of unfolded) one.open = false;
  });

  if (!table) return;

  function choices(name, label) {
    const counts = new Map();
    for (let row = 0; row < data.rows; row++) counts.set(at[name](row), (counts.get(at[name](row)) ?? 0) + 1);
    const select = form.elements[name];
    select.append(make("option", texts.any, { value: "" }));
    for (const [value, count] of [...counts].sort((one, other) => other[1] - one[1])) {
      const text = label(value);
      if (text) select.append(make("option", `${text} (${counted(count)})`, { value }));
    }
  }
  choices("outcome", (value) => texts.outcomes[data.outcomes[value]]);
  choices("cause", (value) => data.causes[value]);

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(update));

  function mark() {
    for (const head of table.tHead.rows[0].cells) {
      if (head.dataset.key === sort.key) head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  table.tHead.addEventListener("click", (event) => {
    const key = event.target.closest("th")?.dataset.key;
    if (!key) return;
    sort = { key, down: sort.key === key && !sort.down };
    sorted = null;
    mark();
    update();
  });

  let due = false;
  frame.addEventListener("scroll", () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      draw();
    });
  });
  frame.addEventListener("keydown", (event) => {
    if (!event.target.classList.contains("row") || event.altKey || event.ctrlKey || event.metaKey) return;
    const place = moved(event.key);
    if (place === undefined) return;
    event.preventDefault();
    go(place);
  });
  body.addEventListener("focusin", (event) => {
    const place = event.target.closest("tr")?.dataset.place;
    if (place !== undefined) current = Number(place);
  });
  body.addEventListener("click", (event) => {
    const line = event.target.closest("tr[data-place]");
    if (line && !String(getSelection())) open(Number(line.dataset.place));
  });

  $("sheet-close").addEventListener("click", () => sheet.close());
  $("sheet-previous").addEventListener("click", () => open(current - 1));
  $("sheet-next").addEventListener("click", () => open(current + 1));
  sheet.addEventListener("click", (event) => {
    if (event.target === sheet) sheet.close();
  });
  sheet.addEventListener("close", () => {
    history.replaceState(null, "", location.pathname + location.search);
    go(current);
  });

  document.addEventListener("click", (event) => {
    const source = event.target.closest(".show");
    if (!source) return;
    form.reset();
    const wanted = data.causes.indexOf(source.dataset.cause);
    setTimeout(() => {
      form.elements.cause.value = wanted;
      form.elements.server.value = source.dataset.server;
      form.elements.name.value = source.dataset.name ?? "";
      update();
      $("sessions").scrollIntoView();
      go(0);
    });
  });

  mark();
  update();
  openByAddress();
  addEventListener("hashchange", openByAddress);
})();
