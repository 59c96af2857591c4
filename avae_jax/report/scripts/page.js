// What all pages share: their data, elements, and files to save.

const page = JSON.parse(document.getElementById("data").textContent);

// An element with properties, children and, by names that begin with "on", listeners.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// An address of the page that names a file to save.
function save(name, href) {
  element("a", { download: name, href }).click();
}

// Rows of texts, numbers and truth values as a file that spreadsheets open.
function saveRows(name, rows) {
  const quoted = (value) => {
    const text = String(value ?? "");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const text = rows.map((row) => row.map(quoted).join(",")).join("\n");
  const address = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/csv" }));
  save(name, address);
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// Columns of equal length as rows below their names.
function rowsOf(columns) {
  const names = Object.keys(columns);
  return [names, ...columns[names[0]].map((_, row) => names.map((name) => columns[name][row]))];
}

// Buttons below a chart: the picture, and its numbers.
for (const figure of document.querySelectorAll("figure[data-chart]")) {
  const name = figure.dataset.chart;
  const { title, columns } = page.charts[name];
  const button = (text, onclick) =>
    element("button", { type: "button", className: "save", "aria-label": `${text}: ${title}`, onclick }, text);
  figure.append(element("figcaption", {},
    button("Save SVG", () => save(`${name}.svg`, figure.querySelector("img").src)),
    button("Save CSV", () => saveRows(`${name}.csv`, rowsOf(columns)))));
}

// A button below a table, which saves what it shows.
for (const table of document.querySelectorAll("table[data-csv]")) {
  const name = table.dataset.csv;
  const rows = () => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
  table.after(element("p", {}, element(
    "button",
    { type: "button", className: "save", onclick: () => saveRows(`${name}.csv`, rows()) },
    "Save this table as CSV")));
}
