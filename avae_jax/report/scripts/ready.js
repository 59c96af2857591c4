// The page is ready: links to parts that need the script appear.

document.body.dataset.ready = "true";
