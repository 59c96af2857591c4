// Examples that the page shows: their pictures, names and colours, and which of them pass.

const data = page.explored;
const COLOURS = [
  "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00",
  "#56b4e9", "#8c6d1f", "#7a52c7", "#b3003c", "#6f8a00",
];

const ABSENT = "\u2013";

function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A file of pictures, decoded: cells are drawn from it one at a time.
async function opened(pictures) {
  const image = new Image();
  image.src = pictures.uri;
  await image.decode();
  return { ...pictures, image };
}

function paint(canvas, sheet, row, column, says) {
  const { image, width, height } = sheet;
  canvas.width = width;
  canvas.height = height;
  canvas.classList.toggle("sharp", page.pictures.sharp);
  canvas.getContext("2d").drawImage(
    image, column * width, row * height, width, height, 0, 0, width, height);
  canvas.setAttribute("aria-label", says);
  return canvas;
}

function picture(sheet, row, column, says) {
  return paint(element("canvas", { role: "img" }), sheet, row, column, says);
}

// The input of an example (or the object decoded from it) from the common file.
function portrait(sheet, example, of, says) {
  const rows = Math.ceil(data.examples.length / page.pictures.across);
  const row = Math.floor(example / page.pictures.across) + (of === "object" ? rows : 0);
  return picture(sheet, row, example % page.pictures.across, says);
}

function nats(loss) {
  return loss === null ? ABSENT : `${loss.toFixed(1)} nats`;
}

function labelled(example) {
  const { label } = data.examples[example];
  return label === null ? "" : `label ${data.labels[label]}`;
}

function named(example) {
  const parts = [data.examples[example].name ?? `input ${example + 1}`, labelled(example)];
  if (data.examples[example].doubtful) parts.push("doubtful");
  return parts.filter(Boolean).join(", ");
}

function colour(example) {
  const place = Object.keys(data.labels).indexOf(data.examples[example].label);
  return place < 0 ? COLOURS[0] : COLOURS[place % COLOURS.length];
}

// The filters of all parts are one: what is chosen in one is chosen in the others.
function filtered(changed) {
  const wanted = { label: "", doubt: "" };
  const selects = (form) => [form.querySelector(".by-label"), form.querySelector(".by-doubt")];
  const forms = [...document.querySelectorAll("form.filter")].filter((form) => selects(form)[0]);
  const passes = (example) => {
    const { label, doubtful } = data.examples[example];
    const pose = doubtful ? "doubtful" : "sure";
    return (!wanted.label || label === wanted.label) && (!wanted.doubt || pose === wanted.doubt);
  };
  for (const form of forms) {
    const [labels, doubts] = selects(form);
    labels.append(new Option("all", ""));
    for (const [label, name] of Object.entries(data.labels)) labels.append(new Option(name, label));
    labels.parentElement.hidden = !Object.keys(data.labels).length;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", () => {
      [wanted.label, wanted.doubt] = [labels.value, doubts.value];
      for (const other of forms) {
        const [hisLabels, hisDoubts] = selects(other);
        [hisLabels.value, hisDoubts.value] = [wanted.label, wanted.doubt];
      }
      changed();
    });
  }
  return passes;
}

function count(section, shown, all, what) {
  section.querySelector(".count").value = `${shown} of ${all} ${what}`;
}
