// Objects along the axes of the latent space, and on the way from one example to another.

async function walksPart(section) {
  const { stops, shares, pairs, ends } = data.walks;
  const file = await opened(page.pictures.walks);
  const [from, to] = section.querySelectorAll("select");
  const between = section.querySelector(".between");

  section.querySelector(".axes").append(...shares.map((share, axis) => strip(
    `axis ${axis + 1}, ${Math.round(100 * share)} % of the variance`,
    stops.map((stop, k) => picture(file, axis, k, `axis ${axis + 1} at ${stop.toFixed(1)} standard deviations`)),
    stops.map((stop) => stop.toFixed(1).replace("-", "\u2212")))));

  for (const select of [from, to]) {
    select.append(...ends.map((example) => new Option(named(example), example)));
    select.addEventListener("change", show);
  }
  to.selectedIndex = Math.min(1, ends.length - 1);

  function show() {
    const [a, b] = [Number(from.value), Number(to.value)];
    const row = pairs.findIndex(([one, other]) => (one === a && other === b) || (one === b && other === a));
    if (row < 0) {
      between.replaceChildren(element("p", {}, "Choose two different inputs."));
      return;
    }
    const places = Array.from({ length: data.walks.between }, (_, k) => k);
    if (pairs[row][0] !== a) places.reverse();
    const steps = places.map((_, k) => k / Math.max(places.length - 1, 1));
    between.replaceChildren(strip(
      "from the one to the other",
      places.map((k, i) => picture(file, shares.length + row, k, `${Math.round(100 * steps[i])} % of the way`)),
      steps.map((step) => `${Math.round(100 * step)} %`)));
    section.dataset.state = `${a} ${b}`;
  }

  section.querySelector(".pairs-of").hidden = !pairs.length;
  section.hidden = false;
  if (pairs.length) show();
}

function strip(title, pictures, notes) {
  return element("figure", { className: "walk" }, element("figcaption", {}, title),
    element("div", {}, ...pictures.map((one, k) => element("div", {}, one, element("span", {}, notes[k])))));
}
