// The objects, as a map of their codes or sorted in rows; one of them is looked at.

// What objects can be sorted by, where it is known; small values come first.
const ORDERS = {
  order: { says: "in order", needs: "index", of: (example) => example.index },
  loss: { says: "highest loss first", needs: "after", of: (example) => -example.after },
  gain: {
    says: "least gained by the search first", needs: "before", of: (example) => example.before - example.after,
  },
  gap: { says: "most doubtful first", needs: "gap", of: (example) => example.gap ?? Infinity },
  error: { says: "largest pose error first", needs: "error", of: (example) => -example.error },
  label: { says: "by label", needs: "label", of: (example) => Number(example.label) },
};

function atlasPart(section, sheet, turning) {
  const { words } = data;
  const find = (selector) => section.querySelector(selector);
  const field = find(".field");
  const [arranged, shownAs] = [find(".arranged"), find(".shown-as")];
  const known = (name) => data.examples.some((example) => example[name] !== null);
  let present = [];
  let at = 0;

  const objects = data.examples.map((_, example) => element(
    "button",
    {
      type: "button", className: "object", tabIndex: -1, "aria-label": named(example),
      onclick: (event) => (event.ctrlKey || event.metaKey || event.shiftKey) && chosen.toggle(example),
      onmouseenter: () => point(example), onfocus: () => point(example),
    },
    portrait(sheet, example, "object", `${words.object} of ${named(example)}`)));
  objects.forEach((object, example) => object.style.setProperty("--label", colour(example)));
  field.append(...objects);
  field.addEventListener("keydown", walk);
  const chosen = selectionPart(section, field, objects, () => present);
  const card = cardPart(find(".pointed"), sheet, turning, chosen, show);
  arranged.append(...Object.entries(ORDERS)
    .filter(([, { needs }]) => known(needs))
    .map(([name, { says }]) => new Option(says, name)));
  arranged.addEventListener("change", lay);
  shownAs.addEventListener("change", repaint);
  new ResizeObserver(lay).observe(field);
  legend(find(".legend"));

  // The middle of an object in the field, in pixels.
  function place(example) {
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = objects[example];
    if (isMap()) return [offsetLeft, offsetTop];
    return [offsetLeft + offsetWidth / 2, offsetTop + offsetHeight / 2];
  }

  function isMap() {
    return arranged.value === "map";
  }

  function lay() {
    const size = field.clientWidth < 520 ? 28 : 36;
    field.style.setProperty("--size", `${isMap() ? size : size + 8}px`);
    field.classList.toggle("rows", !isMap());
    if (isMap()) layMap(size);
    else layRows();
  }

  // Whoever would cover another is a dot; a dot shows its picture when pointed at.
  function layMap(size) {
    const taken = [];
    for (const example of present) {
      const [x, y] = [data.examples[example].x * field.clientWidth, (1 - data.examples[example].y) * field.clientHeight];
      const dot = taken.some(([a, b]) => Math.abs(a - x) < 0.8 * size && Math.abs(b - y) < 0.8 * size);
      if (!dot) taken.push([x, y]);
      objects[example].classList.toggle("dot", dot);
      objects[example].style.left = `${x}px`;
      objects[example].style.top = `${y}px`;
    }
  }

  function layRows() {
    const { of } = ORDERS[arranged.value];
    const sorted = [...present].sort((a, b) => of(data.examples[a]) - of(data.examples[b]) || a - b);
    sorted.forEach((example) => objects[example].classList.remove("dot"));
    // Moving what has the focus would take it away.
    const focused = document.activeElement;
    field.prepend(...sorted.map((example) => objects[example]));
    if (objects.includes(focused)) focused.focus();
    if (sorted.length) point(sorted[0]);
  }

  function repaint() {
    objects.forEach((object, example) => {
      const of = shownAs.value;
      object.replaceChildren(portrait(sheet, example, of, `${words[of]} of ${named(example)}`));
    });
  }

  function point(example) {
    objects[at].tabIndex = -1;
    objects[at].classList.remove("at");
    at = example;
    objects[at].tabIndex = 0;
    objects[at].classList.add("at");
    card.show(example);
    section.dataset.state = String(example);
  }

  // Goes to an example, unless the filter hides it.
  function show(example) {
    point(example);
    if (!objects[example].hidden) objects[example].focus();
  }

  function walk(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (event.key === " ") chosen.toggle(at);
    if (way || event.key === " ") event.preventDefault();
    if (!way) return;
    const [x, y] = place(at);
    const far = (example) => {
      const [a, b] = place(example);
      const ahead = (a - x) * way[0] + (b - y) * way[1];
      const aside = Math.abs((a - x) * way[1]) + Math.abs((b - y) * way[0]);
      return ahead > 0.5 && example !== at ? ahead + 2 * aside : Infinity;
    };
    const next = present.reduce((best, other) => (far(other) < far(best) ? other : best), at);
    objects[next].focus();
  }

  function filter(passes) {
    present = data.examples.map((_, example) => example).filter(passes);
    objects.forEach((object, example) => { object.hidden = !present.includes(example); });
    lay();
    if (present.length && !present.includes(at)) point(present[0]);
    count(section, present.length, objects.length, words.many);
  }

  point(0);
  return { filter };
}

function legend(list) {
  const entries = Object.entries(data.labels);
  list.append(...entries.map(([, name], i) => {
    const swatch = element("i", { className: "swatch" });
    swatch.style.setProperty("--label", COLOURS[i % COLOURS.length]);
    return element("li", {}, swatch, name);
  }));
}

// What is known of the example that is looked at.
function cardPart(place, sheet, turning, chosen, go) {
  const { words } = data;

  function show(example) {
    const { index, before, after, gap, by, doubtful, error, near } = data.examples[example];
    const lines = [
      `${words.place} ${index}`,
      labelled(example),
      `${words.by} ${by}`,
      error === null ? "" : `${error.toFixed(1)}\u00b0 from the common pose${labelled(example) ? " of its label" : ""}`,
      after === null ? "" : `loss: ${nats(before)} in the original pose, ${nats(after)} at the found pose`,
      gap === null ? "" : `the next best pose: ${gap.toFixed(1)} nats worse`,
      doubtful ? "doubtful: look before you believe the pose" : "",
    ];
    const pair = ["input", "object"].map((of) =>
      element("figure", {}, solid(sheet, example, of, `${words[of]} of ${named(example)}`),
        element("figcaption", {}, element("b", {}, words[of]))));
    place.replaceChildren(
      element("h3", {}, data.examples[example].name ?? `Input ${example + 1}`), element("div", { className: "stations" }, ...pair),
      element("ul", {}, ...lines.filter(Boolean).map((line) => element("li", {}, line))),
      chosen.box(example));
    if (turning?.has(example)) {
      place.append(element(
        "button", { type: "button", className: "open", onclick: () => turning.open(example) }, "try poses by hand"));
    }
    if (near.length) place.append(...alike(near));
  }

  function alike(near) {
    const buttons = near.map((other) => element(
      "button", { type: "button", title: named(other), "aria-label": named(other), onclick: () => go(other) },
      portrait(sheet, other, "object", `${words.object} of ${named(other)}`)));
    return [element("h4", {}, words.near), element("div", { className: "near" }, ...buttons)];
  }

  return { show };
}
