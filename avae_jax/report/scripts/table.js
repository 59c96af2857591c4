// The table of all examples: sorted, filtered, paged and saved.

const PAGE = 50; // rows

function tablePart(section) {
  const { columns, digits } = page;
  const names = Object.keys(columns);
  const find = (selector) => section.querySelector(selector);
  const total = names.length ? columns[names[0]].length : 0;
  const state = { by: null, down: true, page: 0, rows: [...Array(total).keys()] };

  function shown(name, value) {
    if (value === null) return "";
    if (typeof value === "boolean") return value ? "yes" : "";
    const text = name in digits ? value.toFixed(digits[name]) : String(value);
    return typeof value === "number" ? text.replace("-", "\u2212") : text;
  }

  function compared(a, b) {
    // What is unknown comes last.
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
    return state.down ? -order : order;
  }

  function chosen() {
    const text = find(".named").value.toLowerCase();
    const only = find(".doubtful-only").checked;
    const rows = [...Array(total).keys()].filter((row) =>
      (!text || columns.name[row].toLowerCase().includes(text)) && (!only || columns.doubtful[row]));
    if (state.by) rows.sort((a, b) => compared(columns[state.by][a], columns[state.by][b]) || a - b);
    return rows;
  }

  function show() {
    const pages = Math.max(1, Math.ceil(state.rows.length / PAGE));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    const from = state.page * PAGE;
    find("tbody").replaceChildren(...state.rows.slice(from, from + PAGE).map((row) => {
      const line = document.createElement("tr");
      if (columns.doubtful?.[row]) line.className = "doubtful";
      line.append(...names.map((name) => element("td", {}, shown(name, columns[name][row]))));
      return line;
    }));
    find(".count").value = `${state.rows.length.toLocaleString("en")} of ${total.toLocaleString("en")} rows`;
    find(".page").value = `page ${state.page + 1} of ${pages}`;
    find(".back").disabled = state.page === 0;
    find(".next").disabled = state.page === pages - 1;
  }

  function renew() {
    state.rows = chosen();
    state.page = 0;
    for (const head of find("thead tr").children) {
      const order = head.dataset.name === state.by ? (state.down ? "descending" : "ascending") : "none";
      head.setAttribute("aria-sort", order);
    }
    show();
  }

  function saveShown() {
    saveRows("rows.csv", [names, ...state.rows.map((row) => names.map((name) => columns[name][row]))]);
  }

  find("thead tr").append(...names.map((name) => {
    const head = element("th", { scope: "col" });
    head.dataset.name = name;
    head.append(element("button", {
      type: "button",
      onclick: () => {
        state.down = state.by === name ? !state.down : typeof columns[name][0] !== "string";
        state.by = name;
        renew();
      },
    }, name.replaceAll("_", " ")));
    return head;
  }));
  find("form").addEventListener("submit", (event) => event.preventDefault());
  find("form").addEventListener("input", renew);
  find(".save").addEventListener("click", saveShown);
  find(".back").addEventListener("click", () => { state.page -= 1; show(); });
  find(".next").addEventListener("click", () => { state.page += 1; show(); });
  section.hidden = false;
  renew();
}
