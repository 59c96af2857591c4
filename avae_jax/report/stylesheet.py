"""The style sheet of the report page."""

CSS = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --muted: #59636e;
  --line: #dfe4e9; --card: #f6f8fa; --blue: #0072b2; --orange: #b84f00; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e8eaed; --muted: #9aa4af; --line: #2e343b;
    --card: #1d2126; --blue: #6cb8ec; --orange: #f39a5b; }
  /* Charts are ink on white: turn them over, keep their hues, let the page show through. */
  img.chart { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1280px; padding: 28px 20px 60px; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 44px 0 4px; }
p { margin: 0 0 14px; max-width: 76ch; color: var(--muted); }
.verdict { color: var(--ink); font-size: 1.12rem; }
.run { font-size: .88rem; }
.run code { overflow-wrap: anywhere; }
section, #config { scroll-margin-top: 56px; }
nav { position: sticky; top: 0; z-index: 3; display: flex; gap: 2px 18px; overflow-x: auto;
  margin: 22px -20px 0; padding: 8px 20px; background: var(--paper); font-size: .92rem;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
nav a { color: var(--blue); text-decoration: none; padding: 6px 0; }
nav a:hover { text-decoration: underline; }
body:not([data-ready]) nav .live { display: none; }
.unit { color: var(--muted); font-weight: 400; font-size: .86em; }
.tiles { display: grid; gap: 12px; margin: 22px 0 0;
  grid-template-columns: repeat(auto-fit, minmax(min(210px, 100%), 1fr)); }
.tile { background: var(--card); border-radius: 10px; padding: 14px 18px; }
.tile b { display: block; font-size: 1.8rem; line-height: 1.25; font-weight: 650; }
.tile small { font-size: 1rem; font-weight: 400; color: var(--muted); }
.tile span { color: var(--muted); font-size: .88rem; }
.tile { position: relative; }
.tile details { position: absolute; top: 8px; right: 10px; margin: 0;
  max-width: calc(100% - 20px); }
.tiles + p { margin-top: 22px; }
.tile summary { list-style: none; width: 28px; height: 28px; margin-left: auto; border-radius: 50%;
  text-align: center; line-height: 28px; color: var(--muted); border: 1px solid var(--line); }
.tile summary::-webkit-details-marker { display: none; }
.tile details p { position: relative; z-index: 2; margin: 6px 0 0; padding: 10px 12px;
  background: var(--paper); color: var(--ink); border: 1px solid var(--line); border-radius: 8px;
  font-size: .86rem; }
.opening td { min-width: 62px; max-width: 96px; }
.labels { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
.labels th, .labels td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line);
  text-align: right; }
.labels th[scope=row] { text-align: left; }
.labels .settled { color: var(--blue); } .labels .two { color: var(--orange); }
.labels .open { color: var(--muted); }
.wide { overflow-x: auto; margin: 0 -20px; padding: 0 20px; }
.gallery { border-collapse: collapse; }
.gallery th[scope=row] { position: sticky; left: -20px; z-index: 1; background: var(--paper);
  width: 124px; min-width: 124px; padding: 4px 12px 4px 0; text-align: right;
  font-size: .86rem; line-height: 1.25; font-weight: 600; }
.gallery th[scope=col] { font-size: .86rem; padding: 0 2px 4px; overflow-wrap: anywhere; }
.gallery td { min-width: 78px; max-width: 150px; padding: 3px; text-align: center;
  font-size: .82rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.gallery img { display: block; width: 100%; height: auto; border-radius: 3px; }
.gallery .before td { color: var(--orange); }
.gallery .after td { color: var(--blue); font-weight: 650; }
img.chart { display: block; max-width: none; height: auto; }
.pair { display: grid; gap: 24px;
  grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); }
.pair img.chart { width: 100%; max-width: 580px; }
.summary { border-collapse: collapse; width: 100%; font-size: .94rem; }
.summary th { text-align: left; padding: 22px 0 6px; border-bottom: 2px solid var(--line); }
.summary td { padding: 7px 18px 7px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
.summary td:last-child { color: var(--muted); padding-right: 0; }
.summary .value { white-space: nowrap; font-weight: 650; font-variant-numeric: tabular-nums; }
.summary .unit { font-weight: 400; }
details { margin-top: 36px; }
summary { cursor: pointer; font-weight: 650; }
pre { background: var(--card); border-radius: 10px; padding: 14px 18px; overflow-x: auto;
  font-size: .84rem; line-height: 1.5; }
@media (max-width: 640px) {
  .gallery th[scope=row] { width: 92px; min-width: 92px; font-size: .76rem; }
  .summary tr { display: grid; grid-template-columns: 1fr auto; }
  .summary tr:not(:first-child) { border-bottom: 1px solid var(--line); }
  .summary td { border: 0; padding-right: 8px; }
  .summary td:last-child { grid-column: 1 / -1; padding-top: 0; } }
"""
