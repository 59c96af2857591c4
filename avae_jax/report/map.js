// The map of objects: a picture each at the place of its code, and who is pointed at.

function atlasPart(section, sheet, turning) {
  const find = (selector) => section.querySelector(selector);
  const field = find(".field");
  let present = [];
  let at = 0;

  const objects = data.examples.map((_, example) => element(
    "button",
    {
      type: "button", className: "object", tabIndex: -1, "aria-label": named(example),
      onclick: () => point(example), onmouseenter: () => point(example), onfocus: () => point(example),
    },
    portrait(sheet, example, "object", `the object in ${named(example)}`)));
  objects.forEach((object, example) => object.style.setProperty("--label", colour(example)));
  field.append(...objects);
  field.addEventListener("keydown", walk);
  new ResizeObserver(lay).observe(field);
  legend(find(".legend"));

  function place(example) {
    const { x, y } = data.examples[example];
    return [x * field.clientWidth, (1 - y) * field.clientHeight];
  }

  // Whoever would cover another is a dot; a dot shows its picture when pointed at.
  function lay() {
    const size = field.clientWidth < 520 ? 28 : 36;
    const taken = [];
    field.style.setProperty("--size", `${size}px`);
    for (const example of present) {
      const [x, y] = place(example);
      const covers = ([a, b]) => Math.abs(a - x) < 0.8 * size && Math.abs(b - y) < 0.8 * size;
      const dot = taken.some(covers);
      if (!dot) taken.push([x, y]);
      objects[example].classList.toggle("dot", dot);
      objects[example].style.left = `${x}px`;
      objects[example].style.top = `${y}px`;
    }
  }

  function point(example) {
    objects[at].tabIndex = -1;
    objects[at].classList.remove("at");
    at = example;
    objects[at].tabIndex = 0;
    objects[at].classList.add("at");
    const { before, after, gap, by, doubtful } = data.examples[example];
    const lines = [
      labelled(example),
      `carried to the canonical pose by ${by}`,
      `loss: ${nats(before)} in the original pose, ${nats(after)} at the found pose`,
      gap === null ? "no other pose comes near" : `the next best pose: ${gap.toFixed(1)} nats worse`,
      doubtful ? "doubtful: look before you believe the pose" : "",
    ];
    const pair = [["input", "original pose"], ["object", "decoded by the model"]].map(([of, note]) =>
      element("figure", {}, portrait(sheet, example, of, `${of} of ${named(example)}`),
        element("figcaption", {}, element("b", {}, of), element("span", {}, note))));
    find(".pointed").replaceChildren(
      element("h3", {}, `Input ${example + 1}`), element("div", { className: "stations" }, ...pair),
      element("ul", {}, ...lines.filter(Boolean).map((line) => element("li", {}, line))));
    if (turning.has(example)) {
      find(".pointed").append(element(
        "button", { type: "button", className: "open", onclick: () => turning.open(example) }, "try poses by hand"));
    }
    section.dataset.state = String(example);
  }

  function walk(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    const [x, y] = place(at);
    const far = (example) => {
      const [a, b] = place(example);
      const ahead = (a - x) * way[0] + (b - y) * way[1];
      const aside = Math.abs((a - x) * way[1]) + Math.abs((b - y) * way[0]);
      return ahead > 0 && example !== at ? ahead + 2 * aside : Infinity;
    };
    const next = present.reduce((best, other) => (far(other) < far(best) ? other : best), at);
    objects[next].focus();
  }

  function filter(passes) {
    present = data.examples.map((_, example) => example).filter(passes);
    objects.forEach((object, example) => { object.hidden = !present.includes(example); });
    lay();
    if (present.length && !present.includes(at)) point(present[0]);
    count(section, present.length, objects.length, "objects");
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
