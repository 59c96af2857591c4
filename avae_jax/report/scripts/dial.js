// Turning an input by hand: the dial, the curve of the loss, and what the search kept.

async function turningPart(section, atlas) {
  const find = (selector) => section.querySelector(selector);
  const sheets = await Promise.all(page.pictures.trials.map(opened));
  const slider = find(".stop");
  const state = { trial: 0, column: 0, kept: -1 };
  const ring = data.kind === "rotation" ? ringOf(find(".dial .pad"), (value) => to(nearest(value))) : null;
  const given = find(".dial .pad").appendChild(element("canvas", { role: "img" }));
  const curve = curveOf(find(".curve"), (value) => to(nearest(value)));

  const trial = () => data.trials[state.trial];
  const stops = () => trial().values.length - trial().by.length;

  // The stop nearest to a value; where a dial turns all the way round, the short way.
  function nearest(value) {
    const away = trial().values.slice(0, stops()).map((stop) => apart(stop, value));
    return away.indexOf(Math.min(...away));
  }

  function to(column) {
    state.column = column;
    keep(state.trial);
    show();
  }

  function choose(number, column) {
    state.trial = number;
    slider.max = stops() - 1;
    curve.draw(trial(), stops());
    ring?.draw(trial(), stops());
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === number));
    to(column ?? nearest(0));
  }

  function show() {
    const { values, losses, example } = trial();
    const { column } = state;
    const [value, loss] = [values[column], losses[column]];
    const by = value === null ? trial().by[column - stops()] : reading(value);
    const from = data.relative && value !== null ? " from the found pose" : "";
    const says = `${data.done} by ${by}${from}`;
    const sheet = sheets[state.trial];
    const input = portrait(atlas, example, "input", `${named(example)}, original pose`);
    input.className += " input";
    find("canvas.input").replaceWith(input);
    paint(given, sheet, 0, column, `the input ${says}`);
    paint(find("canvas.drawn"), sheet, 1, column, `the object decoded from the input ${says}`);
    paint(find("canvas.back"), sheet, 2, column, `the reconstruction with the input ${says}`);
    find(".by").textContent = says;
    find(".loss").replaceChildren(...verdict(loss, losses[stops()], says));
    slider.value = column < stops() || value === null ? Math.min(column, stops() - 1) : nearest(value);
    slider.setAttribute("aria-valuetext", `${by}, loss ${nats(loss)}`);
    curve.mark(value, loss);
    ring?.turn(value);
    section.dataset.state = `${state.trial} ${column}`;
  }

  // What was kept for an input; what is shown already stays, and with it the focus.
  function keep(number) {
    if (number === state.kept) return;
    state.kept = number;
    const { example, by } = data.trials[number];
    const whose = [named(example), `loss in the original pose ${nats(data.examples[example].before)}`];
    find(".whose").textContent = whose.join("; ");
    find(".kept ol").replaceChildren(...by.map((text, k) => candidate(number, k, text)));
  }

  function candidate(number, k, text) {
    const { values, losses, by } = data.trials[number];
    const column = values.length - by.length + k;
    const behind = losses[column] - losses[values.length - by.length];
    const where = values[column] === null || data.relative ? text : reading(values[column]);
    const lines = [
      element("b", {}, where),
      element("span", {}, nats(losses[column])),
      element("span", { className: "unit" }, k ? `${behind.toFixed(1)} above the best` : "the best: found"),
    ];
    return element("li", {}, element(
      "button", { type: "button", onclick: () => choose(number, column) },
      picture(sheets[number], 0, column, `the input ${data.done} by ${where}`),
      picture(sheets[number], 1, column, "the object decoded there"),
      element("span", { className: "lines" }, ...lines)));
  }

  const buttons = data.trials.map(({ example }, number) => {
    const peek = () => keep(number);
    return element(
      "button",
      {
        type: "button", title: named(example), "aria-label": named(example), "aria-pressed": "false",
        className: data.examples[example].doubtful ? "doubtful" : "",
        onclick: () => choose(number), onmouseenter: peek, onfocus: peek,
      },
      portrait(atlas, example, "input", named(example)));
  });
  find(".strip").append(...buttons);
  find(".strip").addEventListener("mouseleave", () => keep(state.trial));
  slider.addEventListener("input", () => to(Number(slider.value)));
  new ResizeObserver(() => { curve.draw(trial(), stops()); show(); }).observe(find(".curve"));
  choose(telling());

  // The input to begin with: the one of which the search makes most.
  function telling() {
    const won = data.trials.map(({ example }) => data.examples[example].before - data.examples[example].after);
    return won.indexOf(Math.max(...won));
  }

  function filter(passes) {
    const shown = data.trials.map(({ example }) => passes(example));
    buttons.forEach((button, i) => { button.hidden = !shown[i]; });
    if (!shown[state.trial] && shown.includes(true)) choose(shown.indexOf(true));
    count(section, shown.filter(Boolean).length, shown.length, "inputs");
  }

  // Opens the dial of an example; false where it has none.
  function open(example) {
    const number = data.trials.findIndex((one) => one.example === example);
    if (number < 0) return false;
    choose(number);
    section.scrollIntoView();
    slider.focus({ preventScroll: true });
    return true;
  }

  return { filter, open, has: (example) => data.trials.some((one) => one.example === example) };
}

// Where the dial stands, in words.
function reading(value) {
  if (value === null) return ABSENT;
  const size = data.unit ? Math.round(value) : value.toFixed(2);
  const sign = value >= 0.5 || (!data.unit && value > 0) ? "+" : "";
  return `${sign}${String(size).replace("-", "\u2212")}${data.unit === "deg" ? "\u00b0" : data.unit}`;
}

function apart(value, other) {
  const away = Math.abs(value - other);
  return data.whole ? Math.min(away % 360, 360 - (away % 360)) : away;
}

function verdict(loss, best, says) {
  const behind = loss === null || best === null ? null : loss - best;
  const compared = behind === null ? "" : behind < 0.05
    ? "the lowest that the search found"
    : `${behind.toFixed(1)} above the lowest that the search found, ${nats(best)}`;
  return [
    element("b", {}, `loss ${nats(loss)}`), ` ${says}: `,
    element("span", { className: behind < 0.05 ? "good" : "" }, compared),
  ];
}

// How much of the range between the least and the largest loss, 0 to 1.
function rise(losses) {
  const finite = losses.filter((loss) => loss !== null);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  return { low, high, of: (loss) => (loss - low) / Math.max(high - low, 1e-9) };
}

// A ring around the encoder's input: the handle rotates it, strong blue is a low loss.
function ringOf(pad, turned) {
  const arcs = shape("g");
  const kept = shape("g", { class: "kept-marks" });
  const handle = shape("g", { class: "handle" },
    shape("line", { x1: 0, y1: -80, x2: 0, y2: -70 }), shape("circle", { cx: 0, cy: -90, r: 11 }));
  const drawing = shape("svg", { class: "ring", viewBox: "-104 -104 208 208", "aria-hidden": "true" },
    arcs, kept, handle);
  pad.append(drawing);
  const at = (event) => {
    const box = drawing.getBoundingClientRect();
    const [x, y] = [event.clientX - box.x - box.width / 2, event.clientY - box.y - box.height / 2];
    turned((Math.atan2(-x, -y) * 180) / Math.PI);
  };
  dragged(drawing, at);

  function draw({ values, losses }, stops) {
    const { of } = rise(losses.slice(0, stops));
    arcs.replaceChildren(...values.slice(0, stops).map((value, i) => {
      const before = values[i - 1] ?? (data.whole ? values[stops - 1] - 360 : value);
      const after = values[i + 1 < stops ? i + 1 : -1] ?? (data.whole ? values[0] + 360 : value);
      return shape("path", {
        d: arc((before + value) / 2, (value + after) / 2), "stroke-opacity":
          losses[i] === null ? 0 : (1 - 0.94 * Math.sqrt(Math.max(of(losses[i]), 0))).toFixed(3),
      });
    }));
    kept.replaceChildren(...values.slice(stops).filter((value) => value !== null).map((value) =>
      shape("circle", { cx: 0, cy: -75, r: 4, transform: `rotate(${-value})` })));
  }

  return { draw, turn: (value) => value !== null && handle.setAttribute("transform", `rotate(${-value})`) };
}

// Part of the ring, in degrees counter-clockwise from the top.
function arc(from, to) {
  const point = (angle) => {
    const turn = (angle * Math.PI) / 180;
    return `${(-90 * Math.sin(turn)).toFixed(2)} ${(-90 * Math.cos(turn)).toFixed(2)}`;
  };
  return `M ${point(from)} A 90 90 0 0 0 ${point(to)}`;
}

function dragged(target, at) {
  target.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    target.setPointerCapture(event.pointerId);
    at(event);
  });
  target.addEventListener("pointermove", (event) => {
    if (target.hasPointerCapture(event.pointerId)) at(event);
  });
}

// The loss against the value of the dial; drawn again for every width of the page.
function curveOf(place, moved) {
  const [left, right, top, bottom, height] = [58, 26, 14, 40, 210];
  const dot = shape("circle", { class: "here", r: 8 });
  let [across, up] = [() => 0, () => 0];
  let back = () => 0;

  function draw({ values, losses }, stops) {
    const width = Math.max(place.clientWidth, 240);
    const [first, last] = [values[0], values[stops - 1]];
    const { low, high } = rise(losses);
    const [above, below] = [0.06 * (high - low) || 1, 0.2 * (high - low) || 1];
    across = (value) => left + ((value - first) / (last - first || 1)) * (width - left - right);
    back = (x) => first + ((x - left) / (width - left - right)) * (last - first);
    up = (loss) => height - bottom - ((loss - low + below) / (high - low + above + below)) * (height - top - bottom);
    const drawing = shape("svg", {
      width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": `Loss against where the dial stands, from ${nats(low)} to ${nats(high)}`,
    }, ...scales(width, [first, last], [low, high]), shape("path", { class: "line", d: line(values, losses, stops) }));
    values.slice(stops).forEach((value, k) => {
      if (value === null || losses[stops + k] === null) return;
      drawing.append(shape("circle", { class: "mark", r: 6, cx: across(value), cy: up(losses[stops + k]) }));
      if (k) return;
      const x = Math.min(Math.max(across(value), left + 20), width - right - 20);
      drawing.append(shape("text", { class: "found", x, y: up(losses[stops]) + 21, "text-anchor": "middle" }, "found"));
    });
    drawing.append(dot);
    dragged(drawing, (event) => moved(back(event.clientX - drawing.getBoundingClientRect().x)));
    place.replaceChildren(drawing);
  }

  function line(values, losses, stops) {
    let pen = "M";
    return losses.slice(0, stops).map((loss, i) => {
      if (loss === null) { pen = "M"; return ""; }
      const piece = `${pen} ${across(values[i]).toFixed(1)} ${up(loss).toFixed(1)}`;
      pen = "L";
      return piece;
    }).join(" ");
  }

  function scales(width, [first, last], [low, high]) {
    const steps = width < 420 ? 4 : 8;
    const marks = data.kind === "rotation" && data.whole
      ? Array.from({ length: steps + 1 }, (_, i) => -180 + (360 / steps) * i).filter((x) => x >= first - 1e-6)
      : [first, (first + last) / 2, last];
    const base = height - bottom;
    const name = data.relative ? `${data.done} by, from the found pose` : `input ${data.done} by`;
    return [
      ...marks.map((value) => shape("line", { class: "grid", x1: across(value), x2: across(value), y1: top, y2: base })),
      ...marks.map((value) => shape("text", { x: across(value), y: base + 16, "text-anchor": "middle" }, reading(value))),
      ...[low, high].map((loss) => shape("line", { class: "grid", x1: left, x2: width - right, y1: up(loss), y2: up(loss) })),
      ...[low, high].map((loss) => shape("text", { x: left - 8, y: up(loss) + 4, "text-anchor": "end" }, loss.toFixed(0))),
      shape("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, name),
      shape("text", { x: 12, y: (top + base) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(top + base) / 2})` }, "loss (nats)"),
    ];
  }

  function mark(value, loss) {
    dot.toggleAttribute("hidden", value === null || loss === null);
    if (value === null || loss === null) return;
    dot.setAttribute("cx", across(value));
    dot.setAttribute("cy", up(loss));
  }

  return { draw, mark };
}
