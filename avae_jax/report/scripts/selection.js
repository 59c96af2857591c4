// Objects that the reader selects, by drawing around them, with the space bar or in the card.

// Columns of the file, and their names in it.
const HEADS = {
  index: "index", name: "name", label: "label", doubtful: "doubtful", gap: "gap_nats", before: "loss_before_nats",
  after: "loss_after_nats", error: "error_deg", by: "pose",
};

function selectionPart(section, field, objects, present) {
  const find = (selector) => section.querySelector(selector);
  const draw = find(".draw");
  const selected = new Set();
  const outline = shape("polygon");
  field.append(shape("svg", { class: "lasso", "aria-hidden": "true" }, outline));
  let path = null;

  function renew() {
    objects.forEach((object, example) => object.classList.toggle("selected", selected.has(example)));
    find(".chosen-count").value = `${selected.size} selected`;
    find(".keep").disabled = !selected.size;
    find(".none").disabled = !selected.size;
    const shown = section.querySelector(".pointed .in-selection");
    if (shown) shown.checked = selected.has(Number(shown.dataset.example));
  }

  function toggle(example) {
    if (!selected.delete(example)) selected.add(example);
    renew();
  }

  // A check box for the card.
  function box(example) {
    const input = element("input", { type: "checkbox", className: "in-selection", onchange: () => toggle(example) });
    input.dataset.example = example;
    input.checked = selected.has(example);
    return element("label", { className: "check" }, input, " in the selection");
  }

  function inside([x, y]) {
    return path.reduce((within, [a, b], i) => {
      const [c, d] = path[(i || path.length) - 1];
      const crosses = (b > y) !== (d > y) && x < ((c - a) * (y - b)) / (d - b) + a;
      return crosses ? !within : within;
    }, false);
  }

  const point = (event) => {
    const frame = field.getBoundingClientRect();
    return [event.clientX - frame.x, event.clientY - frame.y];
  };

  const middle = (example) => {
    const [own, frame] = [objects[example].getBoundingClientRect(), field.getBoundingClientRect()];
    return [own.x + own.width / 2 - frame.x, own.y + own.height / 2 - frame.y];
  };

  // A finger scrolls the page, unless the button says that it draws.
  field.addEventListener("pointerdown", (event) => {
    const drawing = draw.getAttribute("aria-pressed") === "true";
    if (event.button || (!drawing && (event.target !== field || event.pointerType === "touch"))) return;
    event.preventDefault();
    field.setPointerCapture(event.pointerId);
    path = [point(event)];
  });
  field.addEventListener("pointermove", (event) => {
    if (!path) return;
    path.push(point(event));
    outline.setAttribute("points", path.map((each) => each.map((value) => value.toFixed(0)).join()).join(" "));
  });
  field.addEventListener("pointerup", (event) => {
    if (!path) return;
    if (!event.shiftKey) selected.clear();
    if (path.length > 2) present().filter((example) => inside(middle(example))).forEach((example) => selected.add(example));
    stop();
    renew();
  });
  field.addEventListener("pointercancel", stop);

  function stop() {
    path = null;
    outline.setAttribute("points", "");
  }

  draw.addEventListener("click", () => {
    const on = draw.getAttribute("aria-pressed") !== "true";
    draw.setAttribute("aria-pressed", on);
    field.classList.toggle("drawing", on);
  });
  find(".every").addEventListener("click", () => {
    present().forEach((example) => selected.add(example));
    renew();
  });
  find(".none").addEventListener("click", () => {
    selected.clear();
    renew();
  });
  find(".keep").addEventListener("click", () => {
    // Columns that no example has are left out.
    const columns = Object.keys(HEADS).filter((name) => data.examples.some((example) => example[name] !== null));
    const rows = [...selected].sort((a, b) => a - b).map((example) => columns.map((name) => {
      const value = data.examples[example][name];
      return name === "label" && value !== null ? data.labels[value] : value;
    }));
    saveRows("selection.csv", [columns.map((name) => HEADS[name]), ...rows]);
  });
  renew();
  return { toggle, box };
}
