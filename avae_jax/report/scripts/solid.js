// Volumes that turn under the mouse: rays through the voxels, lit from the upper left.

const SIZE = 104; // pixels along a side
const STEP = 0.7; // voxels between samples of a ray

// The picture of an example; that of a volume turns when it is dragged.
function solid(sheet, example, of, says) {
  const { solids } = page.pictures;
  if (!solids) return portrait(sheet, example, of, says);
  const canvas = element("canvas", {
    role: "img", tabIndex: 0, width: SIZE, height: SIZE, className: "solid",
    "aria-label": `${says}; drag it or press arrow keys to turn it`,
  });
  const row = example + (of === "object" ? data.examples.length : 0);
  solidOf(solids, row).then((voxels) => turnable(canvas, voxels, solids));
  return canvas;
}

// Voxels of one volume, read from the file of all: slices side by side, a volume a row.
async function solidOf(solids, row) {
  solids.file ??= opened(solids);
  const { image, shape: [depth, height, width] } = await solids.file;
  const canvas = new OffscreenCanvas(depth * width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, row * height, depth * width, height, 0, 0, depth * width, height);
  const pixels = context.getImageData(0, 0, depth * width, height).data;
  const values = new Float32Array(depth * height * width);
  for (let z = 0; z < depth; z += 1) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        values[(z * height + y) * width + x] = pixels[4 * (y * depth * width + z * width + x)] / 255;
      }
    }
  }
  const level = Math.min(Math.max(0.5 * values.reduce((most, value) => Math.max(most, value), 0), 0.02), 0.35);
  return { values, level, size: [depth, height, width] };
}

// Rows of `view` are down, right and away of the picture, in the axes of the array.
function turnable(canvas, voxels, { view, radius }) {
  let axes = view.map((axis) => [...axis]);
  let from = null;
  let waiting = false;

  function turn(right, down) {
    axes = tilted(tilted(axes, 1, right), 0, down);
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawSolid(canvas, voxels, axes, radius);
    });
  }

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.focus();
    canvas.setPointerCapture(event.pointerId);
    from = [event.clientX, event.clientY];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    turn((event.clientX - from[0]) / 60, (event.clientY - from[1]) / 60);
    from = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });
  canvas.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, -0.2], ArrowDown: [0, 0.2] };
    if (!ways[event.key]) return;
    event.preventDefault();
    turn(...ways[event.key]);
  });
  drawSolid(canvas, voxels, axes, radius);
}

// The view after a turn of the object by an angle in the plane of one axis of it and away.
function tilted(axes, which, angle) {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const made = axes.map((axis) => [...axis]);
  for (let i = 0; i < 3; i += 1) {
    made[which][i] = cosine * axes[which][i] + sine * axes[2][i];
    made[2][i] = cosine * axes[2][i] - sine * axes[which][i];
  }
  return made;
}

// A function of a point in the array that gives its value between voxels, 0 outside.
function sampler({ values, size: [depth, height, width] }) {
  const at = (z, y, x) =>
    (z < 0 || y < 0 || x < 0 || z >= depth || y >= height || x >= width ? 0 : values[(z * height + y) * width + x]);
  return (z, y, x) => {
    const k = Math.floor(z), j = Math.floor(y), i = Math.floor(x);
    const c = z - k, b = y - j, a = x - i;
    const row = (n, m) => at(n, m, i) * (1 - a) + at(n, m, i + 1) * a;
    const slice = (n) => row(n, j) * (1 - b) + row(n, j + 1) * b;
    return slice(k) * (1 - c) + slice(k + 1) * c;
  };
}

// Whether a value between voxels can reach the level: one of the 27 about the nearest one does.
function nearby({ values, level, size: [depth, height, width] }) {
  const marked = new Uint8Array((depth + 4) * (height + 4) * (width + 4));
  const place = (z, y, x) => ((z + 2) * (height + 4) + y + 2) * (width + 4) + x + 2;
  const around = [-1, 0, 1].flatMap((z) => [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => place(z, y, x) - place(0, 0, 0))));
  values.forEach((value, i) => {
    if (value < level) return;
    const own = place(Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width);
    around.forEach((step) => { marked[own + step] = 1; });
  });
  return (z, y, x) => {
    const k = Math.round(z), j = Math.round(y), i = Math.round(x);
    return k > -2 && j > -2 && i > -2 && k <= depth && j <= height && i <= width && marked[place(k, j, i)] === 1;
  };
}

function drawSolid(canvas, voxels, [down, right, away], radius) {
  const context = canvas.getContext("2d");
  const drawn = context.createImageData(SIZE, SIZE);
  voxels.sample ??= sampler(voxels);
  voxels.near ??= nearby(voxels);
  const reach = Math.hypot(...voxels.size) / 2;
  const middle = voxels.size.map((side) => (side - 1) / 2);
  for (let pixel = 0; pixel < SIZE * SIZE; pixel += 1) {
    const u = (2 * (Math.floor(pixel / SIZE) + 0.5) / SIZE - 1) * radius;
    const v = (2 * ((pixel % SIZE) + 0.5) / SIZE - 1) * radius;
    const z = middle[0] + u * down[0] + v * right[0];
    const y = middle[1] + u * down[1] + v * right[1];
    const x = middle[2] + u * down[2] + v * right[2];
    const depth = hit(voxels, z, y, x, away, reach);
    if (depth === null) continue;
    const point = [z + depth * away[0], y + depth * away[1], x + depth * away[2]];
    const light = Math.min(shade(voxels.sample, point, [down, right, away]) * (1 - 0.15 * depth / reach), 1);
    drawn.data.set([200 * light, 217 * light, 242 * light, 255], 4 * pixel);
  }
  context.putImageData(drawn, 0, 0);
}

// How deep a ray meets the solid, null if nowhere.
function hit({ sample, near, level }, z, y, x, away, reach) {
  let before = 0;
  for (let depth = -reach; depth < reach; depth += STEP) {
    const k = z + depth * away[0], j = y + depth * away[1], i = x + depth * away[2];
    const value = near(k, j, i) ? sample(k, j, i) : 0;
    if (value >= level) return depth - STEP * (value - level) / Math.max(value - before, 1e-6);
    before = value;
  }
  return null;
}

function shade(sample, [z, y, x], [down, right, away]) {
  const slope = [
    sample(z - 1, y, x) - sample(z + 1, y, x),
    sample(z, y - 1, x) - sample(z, y + 1, x),
    sample(z, y, x - 1) - sample(z, y, x + 1),
  ];
  const length = Math.hypot(...slope) || 1;
  const along = (axis) => (slope[0] * axis[0] + slope[1] * axis[1] + slope[2] * axis[2]) / length;
  const [below, aside, behind] = [along(down), along(right), along(away)];
  const direct = Math.max(-0.6 * below - 0.55 * aside - 0.58 * behind, 0);
  return 0.3 + 0.2 * (0.5 - 0.5 * below) + 0.6 * direct;
}
