// The slider over training: the same inputs at every moment, and where found poses point.

async function trainingPart(section) {
  const { moments, names, inputs, plane } = data.training;
  const sheet = await opened(page.pictures.training);
  const slider = section.querySelector(".moment");
  const pictures = Array.from({ length: inputs }, () => element("canvas", { role: "img" }));
  const diagrams = names.map((name) => diagram(name, plane));
  const highest = Math.max(...moments.flatMap((moment) => moment.shares.flat()), 1e-9);
  section.querySelector(".inputs").append(...pictures);
  // None where every example stands in a pose of its own.
  if (names.length) {
    section.querySelector(".roses").append(
      ...diagrams.map((one) => one.figure),
      element("p", {}, plane
        ? "Which way found poses put the top of the objects of a label: a beam is longer where more examples agree, and the dashed circle is an even spread."
        : "How far found poses lie from the common pose of their label, from 0\u00b0 at the left to 180\u00b0 at the right: a label that has settled stands at the left."));
  }
  section.querySelector(".steps").append(
    ...moments.map(({ step }) => element("span", {}, step.toLocaleString("en"))));
  slider.max = moments.length - 1;
  slider.addEventListener("input", () => show(Number(slider.value)));

  function show(place) {
    const { step, loss, resultant, shares, agreement } = moments[place];
    const last = moments[moments.length - 1].step;
    const says = `update ${step.toLocaleString("en")} of ${last.toLocaleString("en")}`;
    const rest = [
      loss !== null ? `training loss ${nats(loss)}` : step ? "" : "before the first update",
      resultant === null ? "" : `resultant length ${resultant.toFixed(2)} (1: one common pose for each label)`,
    ].filter(Boolean);
    section.querySelector(".at").replaceChildren(element("b", {}, says), `: ${rest.join(", ")}`);
    slider.value = place;
    slider.setAttribute("aria-valuetext", says);
    pictures.forEach((canvas, i) => paint(canvas, sheet, place, i, `input ${i + 1} as carried at ${says}`));
    diagrams.forEach((one, i) => one.show(shares[i], agreement[i], highest));
    section.dataset.state = String(place);
  }

  section.hidden = false;
  show(moments.length - 1);
}

// A small diagram of one label; bluer where poses agree.
function diagram(name, plane) {
  const beams = shape("path", { class: "beams" });
  const base = plane
    ? [shape("circle", { class: "ground", r: 46 }), beams, shape("circle", { class: "even" })]
    : [shape("rect", { class: "ground", x: -48, y: -46, width: 96, height: 86 }), beams];
  const drawing = shape("svg", { viewBox: "-52 -52 104 104", role: "img" }, ...base);
  const figure = element("figure", {}, drawing, element("figcaption", {}, name));

  function show(shares, agreement, highest) {
    beams.setAttribute("d", plane ? rose(shares, highest) : bars(shares, highest));
    beams.setAttribute("fill-opacity", (0.25 + 0.75 * (agreement ?? 0)).toFixed(2));
    drawing.querySelector(".even")?.setAttribute("r", 46 * Math.sqrt(1 / shares.length / highest));
    drawing.setAttribute("aria-label", `${name}: agreement ${(agreement ?? 0).toFixed(2)}`);
  }

  return { figure, show };
}

function rose(shares, highest) {
  const width = (2 * Math.PI) / shares.length;
  return shares.map((share, sector) => {
    const radius = 46 * Math.sqrt((share ?? 0) / highest);
    const rim = [-0.5, -0.25, 0, 0.25, 0.5].map((part) => {
      const turn = width * (sector + part);
      return `${(-radius * Math.sin(turn)).toFixed(1)} ${(-radius * Math.cos(turn)).toFixed(1)}`;
    });
    return `M 0 0 L ${rim.join(" L ")} Z`;
  }).join(" ");
}

function bars(shares, highest) {
  const width = 96 / shares.length;
  return shares.map((share, bin) => {
    const height = (80 * (share ?? 0)) / highest;
    return `M ${(-48 + bin * width).toFixed(1)} 40 h ${width.toFixed(1)} v ${(-height).toFixed(1)} h ${(-width).toFixed(1)} Z`;
  }).join(" ");
}
