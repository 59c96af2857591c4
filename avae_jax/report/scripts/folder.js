// Starts the parts of the page of an alignment that answer to the reader.

async function start() {
  tablePart(document.getElementById("table"));
  if (!data) return;
  const sheet = await opened(page.pictures.atlas);
  document.getElementById("atlas").hidden = false;
  const part = atlasPart(document.getElementById("atlas"), sheet, null);
  const passes = filtered(() => part.filter(passes));
  part.filter(passes);
}

await start();
document.body.dataset.ready = "true";
