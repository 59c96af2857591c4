// Starts the parts of the page that answer to the reader. All they show stands in the page.

const data = JSON.parse(document.getElementById("explored").textContent);
const COLOURS = [
  "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00",
  "#56b4e9", "#8c6d1f", "#7a52c7", "#b3003c", "#6f8a00",
];
const ABSENT = "\u2013";

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
  canvas.classList.toggle("sharp", data.sharp);
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
  const rows = Math.ceil(data.examples.length / data.across);
  const row = Math.floor(example / data.across) + (of === "object" ? rows : 0);
  return picture(sheet, row, example % data.across, says);
}

function nats(loss) {
  return loss === null ? ABSENT : `${loss.toFixed(1)} nats`;
}

// Where the dial stands, in words.
function reading(value) {
  if (value === null) return ABSENT;
  const size = data.unit ? Math.round(value) : value.toFixed(2);
  const sign = value >= 0.5 || (!data.unit && value > 0) ? "+" : "";
  return `${sign}${String(size).replace("-", "\u2212")}${data.unit === "deg" ? "\u00b0" : data.unit}`;
}

function labelled(example) {
  const { label } = data.examples[example];
  return label === null ? "" : `label ${data.labels[label]}`;
}

function named(example) {
  const parts = [`input ${example + 1}`, labelled(example)];
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
  const forms = [...document.querySelectorAll(".filter")];
  const passes = (example) => {
    const { label, doubtful } = data.examples[example];
    const pose = doubtful ? "doubtful" : "sure";
    return (!wanted.label || label === wanted.label) && (!wanted.doubt || pose === wanted.doubt);
  };
  for (const form of forms) {
    const [labels, doubts] = form.querySelectorAll("select");
    labels.append(new Option("all", ""));
    for (const [label, name] of Object.entries(data.labels)) labels.append(new Option(name, label));
    labels.parentElement.hidden = !Object.keys(data.labels).length;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", () => {
      [wanted.label, wanted.doubt] = [labels.value, doubts.value];
      for (const other of forms) {
        const [hisLabels, hisDoubts] = other.querySelectorAll("select");
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

async function start() {
  const sheet = await opened(data.atlas);
  const parts = [];
  const passes = filtered(() => parts.forEach((part) => part.filter(passes)));
  // Shown first: what is drawn to the width of the page must have one.
  for (const id of ["turning", "atlas"]) document.getElementById(id).hidden = false;
  const turning = await turningPart(document.getElementById("turning"), sheet);
  parts.push(turning, atlasPart(document.getElementById("atlas"), sheet, turning));
  parts.forEach((part) => part.filter(passes));
  if (data.training) await trainingPart(document.getElementById("training"));
  document.body.dataset.ready = "true";
}

await start();
