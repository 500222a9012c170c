"use strict";
// What is drawn: pure functions from series to the traces and layouts of Plotly.
const charts = (() => {
  const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const shade = opacity => `rgb(${color("--band")} / ${opacity})`.replace(/rgb\((\d+) (\d+) (\d+) \/ ([\d.]+)\)/, "rgba($1,$2,$3,$4)");
  // Plotly takes text for a kind of HTML, and a ticker is foreign text.
  const plain = text => text.replace(/[&<>]/g, sign => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
  const origins = { n: "", c: "written late", b: "replayed" };
  const logRatio = (one, other) => 100 * Math.log(one / other);

  function layout(changes = {}) {
    const axis = { gridcolor: color("--grid"), linecolor: color("--line"), zerolinecolor: color("--soft"), color: color("--soft"), automargin: true };
    const { xaxis, yaxis, ...others } = changes;
    return {
      margin: { l: 44, r: 8, t: 8, b: 32 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      font: { color: color("--ink"), size: 12, family: "system-ui, sans-serif" }, hovermode: "x unified",
      hoverlabel: { bgcolor: color("--paper"), font: { color: color("--ink") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      // A finger scrolls the page, not the chart.
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      ...others, xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis },
    };
  }

  function band(x, low, high, opacity, name) {
    const edge = { x, mode: "lines", line: { width: 0 }, hoverinfo: "skip", legendgroup: name };
    return [
      { ...edge, y: low, showlegend: false },
      { ...edge, y: high, name, fill: "tonexty", fillcolor: shade(opacity) },
    ];
  }

  // The last rows of a series, its columns cut alike.
  function last(series, sessions) {
    const first = Math.max(0, series.target.length - 1 - sessions);
    return Object.fromEntries(Object.entries(series).map(([name, values]) =>
      [name, (Array.isArray(values) && name !== "below" && name !== "reactions") || name === "origin" ? values.slice(first) : values]));
  }

  // Sessions that react to an announcement, at the upper end of their intervals.
  function announced(series) {
    const days = new Set(series.reactions), places = series.target.flatMap((day, place) => days.has(day) ? [place] : []);
    return places.length ? [{
      x: places.map(place => series.target[place]), y: places.map(place => series.q95[place]), mode: "markers", name: "announcement",
      marker: { symbol: "triangle-down", size: 9, color: color("--ink") }, hovertemplate: "reacts to an announcement<extra></extra>",
    }] : [];
  }

  function closes(series) {
    const form = `.${series.decimals}f`;
    const ahead = series.target.flatMap((day, place) => series.actual_close[place] === null ? [place] : []);
    const at = (name, places) => places.map(place => series[name][place]);
    const last = ahead.length ? ahead[ahead.length - 1] : 0;
    const marked = ahead.length ? [{
      x: at("target", [last]), y: at("predicted_close", [last]), mode: "markers", name: "ahead", hoverinfo: "skip",
      marker: { symbol: "diamond", size: 10, color: color("--forecast") },
      error_y: { type: "data", symmetric: false, color: color("--forecast"), thickness: 1.5, width: 5,
        array: [series.q95[last] - series.predicted_close[last]], arrayminus: [series.predicted_close[last] - series.q05[last]] },
    }] : [];
    return {
      traces: [
        ...band(series.target, series.q05, series.q95, .16, "90% interval"),
        ...band(series.target, series.q25, series.q75, .3, "50% interval"),
        { x: series.target, y: series.predicted_close, mode: "lines", name: "predicted", line: { color: color("--forecast"), width: 1.5 },
          customdata: series.target.map((_, place) => [series.q05[place], series.q25[place], series.q75[place], series.q95[place], origins[series.origin[place]]]),
          hovertemplate: `%{y:${form}}, 50% %{customdata[1]:${form}} … %{customdata[2]:${form}}, 90% %{customdata[0]:${form}} … %{customdata[3]:${form}} %{customdata[4]}<extra>predicted</extra>` },
        { x: series.target, y: series.actual_close, mode: "lines+markers", name: "actual", line: { color: color("--actual"), width: 1, dash: "dot" },
          marker: { size: 4 }, hovertemplate: `%{y:${form}}<extra>actual</extra>` },
        ...marked,
        ...announced(series),
      ],
      layout: layout({ xaxis: { type: "date" } }),
    };
  }

  function outside(series, place) {
    const close = series.actual_close[place];
    return close < series.q05[place] || close > series.q95[place];
  }

  function known(series) {
    return series.target.flatMap((_, place) => series.return_error[place] === null ? [] : [place]);
  }

  function errors(series) {
    const at = known(series), days = at.map(place => series.target[place]);
    const low = at.map(place => logRatio(series.q05[place], series.predicted_close[place]));
    const high = at.map(place => logRatio(series.q95[place], series.predicted_close[place]));
    const points = (name, chosen, marker) => ({
      x: chosen.map(place => series.target[place]), y: chosen.map(place => series.return_error[place]),
      mode: "markers", name, marker, hovertemplate: `%{y:+.2f}%<extra>${name}</extra>`,
    });
    return {
      traces: [
        ...band(days, low, high, .16, "90% interval"),
        points("inside", at.filter(place => !outside(series, place)), { size: 4, color: color("--forecast") }),
        points("outside", at.filter(place => outside(series, place)), { size: 7, symbol: "x", color: color("--actual") }),
      ],
      layout: layout({ xaxis: { type: "date" }, yaxis: { ticksuffix: "%" }, hovermode: "closest" }),
    };
  }

  function rolling(series) {
    const line = (name, column, own, dash) => ({
      x: series.target, y: series[column], mode: "lines", name, line: { color: color(own ? "--forecast" : "--actual"), width: own ? 3 : 1.5, dash },
      hovertemplate: `%{y:.3f}%<extra>${name}</extra>`,
    });
    return {
      traces: [line("RMSE", "rmse", true, "solid"), line("RMSE of the walk", "walk_rmse", false, "dot"), line("MAE", "mae", true, "dash"), line("MAE of the walk", "walk_mae", false, "dashdot")],
      layout: layout({ xaxis: { type: "date" }, yaxis: { ticksuffix: "%", rangemode: "tozero" } }),
    };
  }

  // How far chance alone moves a share of so many closes, by the normal approximation. Of one ticker: closes
  // of many on one day are not independent, so that bars for all of them would be far too short.
  function chance(quantiles, outcomes) {
    const reach = quantiles.map(share => 1.96 * Math.sqrt(share * (1 - share) / Math.max(outcomes, 1)));
    return { x: quantiles, y: quantiles, mode: "markers", name: "chance, 95%", marker: { size: 7, symbol: "line-ns-open", color: color("--soft") },
      error_y: { type: "data", array: reach, color: color("--soft"), thickness: 1.5, width: 6 }, hoverinfo: "skip" };
  }

  function calibration(quantiles, below, outcomes, alone) {
    return {
      traces: [
        { x: [0, 1], y: [0, 1], mode: "lines", name: "honest", line: { color: color("--soft"), width: 1, dash: "dash" }, hoverinfo: "skip" },
        ...(alone ? [chance(quantiles, outcomes)] : []),
        { x: quantiles, y: below, mode: "markers", name: `of ${outcomes} closes`, marker: { size: 9, color: color("--forecast") }, hovertemplate: "%{y:.1%} below the %{x:.0%} quantile<extra></extra>" },
      ],
      layout: layout({ xaxis: { tickformat: ".0%", range: [-.02, 1.02], dtick: .25, tick0: 0 }, yaxis: { tickformat: ".0%", range: [-.02, 1.02], dtick: .25, tick0: 0 }, hovermode: "closest" }),
    };
  }

  function width(series) {
    const at = known(series);
    const half = at.map(place => logRatio(series.q95[place], series.q05[place]) / 2);
    const moved = at.map(place => Math.abs(series.return_error[place]));
    const end = Math.max(...half, 0);
    const points = (name, wanted, marker) => {
      const chosen = at.flatMap((place, index) => outside(series, place) === wanted ? [index] : []);
      return { x: chosen.map(index => half[index]), y: chosen.map(index => moved[index]), mode: "markers", name, marker,
        text: chosen.map(index => series.target[at[index]]), hovertemplate: `%{text}: %{y:.2f}%, interval ±%{x:.2f}%<extra>${name}</extra>` };
    };
    return {
      traces: [
        { x: [0, end], y: [0, end], mode: "lines", name: "end of the interval", line: { color: color("--soft"), width: 1, dash: "dash" }, hoverinfo: "skip" },
        points("inside", false, { size: 5, color: color("--forecast") }),
        points("outside", true, { size: 8, symbol: "x", color: color("--actual") }),
      ],
      layout: layout({ xaxis: { ticksuffix: "%", rangemode: "tozero" }, yaxis: { ticksuffix: "%", rangemode: "tozero" }, hovermode: "closest" }),
    };
  }

  // Bars from the worst to the best; each is a ticker.
  function skill(tickers, values) {
    const order = tickers.map((_, place) => place).filter(place => values[place] !== null).sort((one, other) => values[one] - values[other]);
    return {
      traces: [{
        type: "bar", x: order.map((_, rank) => rank + 1), y: order.map(place => 100 * values[place]), customdata: order,
        text: order.map(place => plain(tickers[place])), textposition: "none", hovertemplate: "%{text}: %{y:+.2f}%<extra></extra>",
        marker: { color: order.map(place => color(values[place] > 0 ? "--forecast" : "--actual")), line: { width: 0 } },
      }],
      layout: layout({ xaxis: { visible: order.length <= 30, tickvals: order.map((_, rank) => rank + 1), ticktext: order.map(place => plain(tickers[place].slice(0, 12))) }, yaxis: { ticksuffix: "%" }, hovermode: "closest", bargap: order.length > 60 ? 0 : .2, showlegend: false }),
    };
  }

  return { last, closes, errors, rolling, calibration, width, skill };
})();
