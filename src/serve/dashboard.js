/* Keeps the page up to date by the events that come once a second, and draws what was. Without this script the page shows
 * what was so when it was loaded. */
(() => {
  'use strict';
  const POINTS = 120;
  const POINTS_AT_FIRST = 30; /* so that few fill more than a corner */
  const HEIGHT = 40;
  const SVG = 'http://www.w3.org/2000/svg';
  const points = [];
  const byId = id => document.getElementById(id);

  /* To three digits, as in 1.23 k. */
  const scaled = (value, units) => {
    let unit = 0;
    while (value >= 999.5 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return value.toFixed(digits) + units[unit];
  };

  const size = bytes => scaled(bytes, [' B', ' kB', ' MB', ' GB', ' TB', ' PB']);
  const number = value => value.toLocaleString('en');
  const rate = value => value > 0 && value < 9.95 ? value.toFixed(1) : scaled(value, ['', ' k', ' M']);
  const percent = share => share === null ? '–' : `${(100 * share).toFixed(share > .9995 ? 0 : 1)} %`;
  const time = s => s === null ? '–' : s < .001 ? `${Math.round(s * 1e6)} µs`
    : s < 1 ? `${(s * 1e3).toFixed(s < .01 ? 1 : 0)} ms` : `${s.toFixed(1)} s`;

  const span = s => {
    const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
    const first = Math.max(0, parts.findIndex(([length]) => s >= length));
    return parts.slice(s > 0 ? first : 3).slice(0, 2).map(([length, unit], i, shown) =>
      `${Math.floor(i === 0 ? s / length : s % shown[0][0] / length)} ${unit}`).join(' ');
  };

  const looks = { requests: rate, errors: rate, bytes: size, open: number, hits: percent, p50: time, p90: time, p99: time };

  /* The cards: what is drawn, the one with the area first; and up to which value at least. */
  const charts = [
    { card: 'requests', keys: ['requests'], least: 10 },
    { card: 'times', keys: ['p50', 'p90', 'p99'], least: .0001 },
    { card: 'bytes', keys: ['bytes'], least: 1000 },
    { card: 'open', keys: ['open'], least: 4 },
    { card: 'hits', keys: ['hits'], least: 1 },
    { card: 'errors', keys: ['errors'], least: 1 },
  ];
  const classes = ['first', 'second', 'third'];

  /* In points, the first of which is at 0. */
  const width = () => Math.max(points.length, POINTS_AT_FIRST) - 1;

  const add = (parent, name, className) => {
    const element = document.createElementNS(SVG, name);
    element.setAttribute('class', className);
    parent.append(element);
    return element;
  };

  const prepare = chart => {
    const card = byId(chart.card);
    const svg = chart.svg = card.querySelector('svg');
    svg.setAttribute('preserveAspectRatio', 'none');
    chart.area = add(svg, 'path', 'area');
    chart.lines = chart.keys.map((key, i) => add(svg, 'path', classes[i]));
    chart.top = document.createElement('span');
    chart.top.className = 'top';
    chart.top.title = 'the highest value that is drawn';
    card.append(chart.top);
  };

  /* Runs of points that have a value, as paths: the line, or the area below it. */
  const trace = (key, top, closed) => {
    const left = width() + 1 - points.length;
    let path = '';
    let start = -1;
    points.forEach((point, i) => {
      const x = left + i;
      if (point[key] !== null) {
        const y = (HEIGHT * (1 - point[key] / top)).toFixed(2);
        path += start >= 0 ? `L${x} ${y}` : closed ? `M${x} ${HEIGHT}L${x} ${y}` : `M${x} ${y}`;
        start = start >= 0 ? start : x;
      }
      const ends = start >= 0 && (i === points.length - 1 || points[i + 1][key] === null);
      if (ends)
        path += closed ? `L${x} ${HEIGHT}Z` : x === start ? 'h.6' : '';
      start = ends ? -1 : start;
    });
    return path;
  };

  const draw = chart => {
    chart.svg.setAttribute('viewBox', `0 -1 ${width()} ${HEIGHT + 1}`);
    const last = chart.keys[chart.keys.length - 1];
    const highest = Math.max(0, ...points.flatMap(point => chart.keys.map(key => point[key] ?? 0)));
    const top = Math.max(highest * 1.05, chart.least);
    chart.area.setAttribute('d', trace(chart.keys[0], top, true));
    chart.lines.forEach((line, i) => line.setAttribute('d', trace(chart.keys[i], top, false)));
    chart.top.textContent = highest > 0 && chart.card !== 'hits' ? `max ${looks[last](highest)}` : '';
  };

  const showPoint = point => {
    points.push(point);
    points.splice(0, points.length - POINTS);
    for (const place of document.querySelectorAll('[data-at]'))
      place.textContent = looks[place.dataset.at](point[place.dataset.at]);
    charts.forEach(draw);
  };

  const showTotals = totals => {
    for (const place of document.querySelectorAll('[data-total]'))
      place.textContent = number(totals[place.dataset.total]);
    for (const place of document.querySelectorAll('[data-bytes]'))
      place.textContent = size(totals[place.dataset.bytes]);
  };

  const showWorkers = each => {
    const rows = each.map(({ open, requests, bytes, turn }, i) => {
      const row = document.createElement('tr');
      const head = document.createElement('th');
      head.scope = 'row';
      head.textContent = i;
      row.append(head);
      for (const text of [number(open), number(requests), size(bytes), time(turn || null)])
        row.insertCell().textContent = text;
      return row;
    });
    byId('each').tBodies[0].replaceChildren(...rows);
  };

  const showPhase = (phase, text) => {
    byId('phase').dataset.phase = phase;
    if (byId('phase').textContent !== text)
      byId('phase').textContent = text;
  };

  const show = now => {
    showPhase(now.phase, now.phase);
    byId('uptime').textContent = span(now.uptime);
    byId('workers').textContent = now.workers;
    byId('generation').textContent = now.generation;
    showTotals(now.totals);
    showWorkers(now.each);
  };

  charts.forEach(prepare);
  const events = new EventSource('events');
  events.addEventListener('past', event => points.splice(0, points.length, ...JSON.parse(event.data).slice(0, -1)));
  events.addEventListener('now', event => {
    const now = JSON.parse(event.data);
    show(now);
    showPoint(now.point);
  });
  events.addEventListener('error', () => showPhase('gone', 'not reachable'));
})();
