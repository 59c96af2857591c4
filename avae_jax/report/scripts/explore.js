// Starts the parts of the page of a run that answer to the reader.

async function start() {
  const sheet = await opened(page.pictures.atlas);
  const parts = [];
  const passes = filtered(() => parts.forEach((part) => part.filter(passes)));
  // Shown first: what is drawn to the width of the page must have one.
  for (const id of ["turning", "atlas"]) document.getElementById(id).hidden = false;
  const turning = await turningPart(document.getElementById("turning"), sheet);
  parts.push(turning, atlasPart(document.getElementById("atlas"), sheet, turning));
  parts.forEach((part) => part.filter(passes));
  if (data.walks) await walksPart(document.getElementById("walks"));
  if (data.training) await trainingPart(document.getElementById("training"));
}

if (data) await start();
document.body.dataset.ready = "true";
