// The table, the choice of a ticker, and when what is loaded and drawn.
const page = JSON.parse(document.getElementById("page").textContent);
const element = id => document.getElementById(id);
const body = element("table").tBodies[0];
const headings = [...element("table").tHead.rows[0].cells];
const lines = [...body.rows];
const names = page.tickers;
const column = heading => headings.findIndex(cell => cell.textContent === heading);
const valueOf = (line, place) => line.cells[place].dataset.value;
const numberOf = (line, heading) => { const shown = valueOf(line, column(heading)); return shown === "" ? null : Number(shown); };
let chosen = null;

// Of the library: it may be slow to come, or not be there.
const library = new Promise((resolve, reject) => {
  addEventListener("DOMContentLoaded", () => window.Plotly ? resolve(window.Plotly) : reject(new Error(`charts need ${page.library} next to this page`)));
});
const drawn = (place, picture) => library.then(plotly => plotly.react(place, picture.traces, picture.layout, { responsive: true, displaylogo: false, displayModeBar: false }));
const tell = error => { element("trouble").textContent = error.message; };

// Files of series, each loaded once, by the only way that a page from disk may: as scripts.
const loading = new Map();
const waiting = new Map();
window.stockjaxSeries = (number, text) => waiting.get(number)(text);
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), sign => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}
function file(number) {
  if (!loading.has(number)) {
    loading.set(number, new Promise((resolve, reject) => {
      waiting.set(number, text => resolve(unpacked(text)));
      const script = document.createElement("script");
      script.src = `${page.series}/${number}.js`;
      script.onerror = () => { loading.delete(number); reject(new Error("the series of this report are gone: it was written again, or moved without its folder; load the page again")); };
      document.head.append(script);
    }));
  }
  return loading.get(number);
}
async function seriesOf(place) {
  const number = page.numbers[place];
  return (await file(Math.floor(number / page.together)))[number % page.together];
}

function drawUniverse() {
  const values = lines.map(line => numberOf(line, "Pinball skill"));
  const bars = drawn("skill", charts.skill(names, values));
  bars.then(chart => { if (!chart.picks) { chart.picks = true; chart.on("plotly_click", event => choose(event.points[0].customdata)); } }).catch(tell);
  return Promise.all([bars, drawn("calibration", charts.calibration(page.quantiles, page.below, page.outcomes, false))]);
}

async function drawTicker() {
  const asked = chosen;
  const [whole] = await Promise.all([seriesOf(asked), universe]);
  if (asked !== chosen || !whole) return;
  const series = charts.last(whole, Number(element("span").value));
  await Promise.all([
    drawn("closes", charts.closes(series)), drawn("errors", charts.errors(series)), drawn("rolling", charts.rolling(series)),
    drawn("own", charts.calibration(page.quantiles, whole.below, whole.outcomes, true)), drawn("width", charts.width(series)),
  ]);
  element("ticker").dataset.drawn = names[asked];
}

function choose(place, { follow = true } = {}) {
  lines[chosen ?? place].classList.remove("chosen");
  lines[chosen ?? place].cells[0].firstElementChild.removeAttribute("aria-current");
  chosen = place;
  const line = lines[place];
  line.classList.add("chosen");
  line.cells[0].firstElementChild.setAttribute("aria-current", "true");
  rove(line);
  element("ticker").hidden = false;
  element("name").textContent = names[place];
  element("trouble").textContent = "";
  element("facts").replaceChildren(...headings.slice(1).map((heading, index) => {
    const [pair, term, shown] = ["div", "dt", "dd"].map(tag => document.createElement(tag));
    term.textContent = heading.textContent;
    shown.textContent = line.cells[index + 1].textContent || "–";
    shown.className = line.cells[index + 1].className;
    pair.append(term, shown);
    return pair;
  }));
  if (follow) {
    const mark = `#ticker=${encodeURIComponent(names[place])}`;
    if (location.hash !== mark) history.pushState(null, "", mark);
    element("name").scrollIntoView({ block: "start" });
    element("name").focus({ preventScroll: true });
  }
  return drawTicker().catch(tell);
}

// One stop of the tab key for the whole table; arrows go on from there.
function rove(line) {
  for (const other of lines) other.cells[0].firstElementChild.tabIndex = other === line ? 0 : -1;
}
const shown = () => [...body.rows].filter(line => !line.hidden);

function filtered() {
  const wanted = element("find").value.trim().toLowerCase();
  const tests = {
    "": () => true, better: line => numberOf(line, "Pinball skill") > 0, worse: line => numberOf(line, "Pinball skill") < 0,
    closer: line => numberOf(line, "RMSE skill") > 0, noted: line => valueOf(line, column("Note")) !== "",
  };
  const kept = tests[element("filter").value];
  for (const line of lines) line.hidden = !(valueOf(line, 0).toLowerCase().includes(wanted) && kept(line));
  const left = shown();
  element("count").textContent = `${left.length} of ${lines.length}`;
  if (left.length && !left.some(line => line.cells[0].firstElementChild.tabIndex === 0)) rove(left[0]);
}

function sorted(place) {
  const heading = headings[place];
  // Of a number, the largest is what people look for first.
  const text = place === 0 || place === column("Note");
  const before = heading.getAttribute("aria-sort");
  const up = before === "none" ? text : before === "descending";
  for (const other of headings) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const order = text
    ? (one, other) => valueOf(one, place) < valueOf(other, place) ? -1 : Number(valueOf(one, place) > valueOf(other, place))
    : (one, other) => Number(valueOf(one, place)) - Number(valueOf(other, place));
  // What has no value comes last, whichever way.
  body.append(...lines.slice().sort((one, other) =>
    Number(valueOf(one, place) === "") - Number(valueOf(other, place) === "") || (up ? order(one, other) : order(other, one))));
}

function step(by) {
  const left = shown(), at = left.indexOf(lines[chosen]);
  const next = left[at < 0 ? 0 : at + by];
  if (next) choose(lines.indexOf(next));
}

body.addEventListener("click", event => { if (event.target.closest(".pick")) choose(lines.indexOf(event.target.closest("tr"))); });
body.addEventListener("keydown", event => {
  const left = shown(), at = left.indexOf(event.target.closest("tr"));
  const goal = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: left.length - 1 }[event.key];
  if (goal === undefined || !left[goal]) return;
  event.preventDefault();
  rove(left[goal]);
  left[goal].cells[0].firstElementChild.focus();
});
headings.forEach((heading, place) => heading.firstElementChild.addEventListener("click", () => sorted(place)));
element("find").addEventListener("input", filtered);
element("filter").addEventListener("change", filtered);
element("previous").addEventListener("click", () => step(-1));
element("next").addEventListener("click", () => step(1));
element("span").addEventListener("change", () => drawTicker().catch(tell));
addEventListener("keydown", event => {
  if (event.key === "/" && !event.target.closest("input, select")) { event.preventDefault(); element("find").focus(); }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawUniverse().catch(tell); if (chosen !== null) drawTicker().catch(tell); });

filtered();
const named = () => names.findIndex(name => location.hash === `#ticker=${encodeURIComponent(name)}`);
const tellIfUnknown = () => { if (named() < 0 && location.hash.startsWith("#ticker=")) tell(new Error("this report has no such ticker")); };
addEventListener("hashchange", () => {
  if (named() >= 0) choose(named());
  tellIfUnknown();
});

// What is on the first screen is drawn first.
const asked = named();
const universe = drawUniverse().catch(tell).finally(() => { document.documentElement.dataset.ready = "yes"; });
if (lines.length) choose(Math.max(asked, 0), { follow: asked >= 0 });
tellIfUnknown();
