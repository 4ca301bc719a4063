/* Loads the page again when what it is made of has changed (pronto --live); where that is only a style sheet or a picture,
 * it alone. */
(() => {
  'use strict';
  const KEY = Symbol.for('pronto.live');
  const RETRY_MS = 300;
  if (window[KEY]) return; /* a page that another one was put into */
  window[KEY] = true;
  performance.setResourceTimingBufferSize(10000);

  const page = performance.getEntriesByType('navigation')[0]?.name ?? location.href;
  let server = null;
  let told = 0; /* number of the last change */
  let source = null;
  let leaving = false;

  /* What the server calls a URL of its own: all but the query. '' is what is no such URL. */
  const targetOf = url => {
    try {
      const parsed = new URL(url);
      return parsed.origin === location.origin ? parsed.pathname : '';
    } catch {
      return '';
    }
  };

  const withNumber = (url, number) => {
    const parsed = new URL(url);
    parsed.searchParams.set('live', number);
    return parsed.href;
  };

  /* The old one stays until the new one is there, so that the page is never without. */
  const swapSheet = (link, number) => {
    const sheet = link.cloneNode();
    sheet.href = withNumber(link.href, number);
    link.rel = 'replaced';
    sheet.onload = sheet.onerror = () => link.remove();
    link.after(sheet);
  };

  const swapImage = (image, number) => {
    image.src = withNumber(image.src, number);
  };

  /* What can be put in the place of its former self, and how. */
  const SWAPS = [
    ['link[rel~=stylesheet][href]', link => link.href, swapSheet],
    ['img[src]:not([srcset]):not(picture img)', image => image.src, swapImage],
  ];

  /* Whether the page is made of that, as far as elements and what was fetched for them tell. */
  const isUsed = target => targetOf(page) === target
    || performance.getEntriesByType('resource').some(entry => targetOf(entry.name) === target)
    || [...document.querySelectorAll('[src],link[href]')].some(element => targetOf(element.src ?? element.href) === target);

  /* Pages, styles and pictures are somebody else's where the page does not use them. Of the rest, a worker may have asked,
   * which is not seen here. */
  const concerns = (target, type) => target === null || isUsed(target) || !/^(text\/(html|css)|image\/)/.test(type);

  /* Whether the change was dealt with by swapping. */
  const swap = (number, target) => {
    if (isImported(target)) return false;
    let count = 0;
    for (const [selector, urlOf, replace] of SWAPS) {
      for (const element of document.querySelectorAll(selector)) {
        if (targetOf(urlOf(element)) !== target) continue;
        replace(element, number);
        count++;
      }
    }
    return count > 0;
  };

  /* What a style sheet has fetched. */
  const isImported = target => performance.getEntriesByType('resource').some(entry =>
    entry.initiatorType === 'css' && targetOf(entry.name) === target);

  /* What the browser has kept, and may be allowed to keep, is renewed before the page is loaded again: browsers ask anew only
   * for the page itself. Not so what is large, and is asked for in parts anyhow. */
  const renew = ([, , target, type]) =>
    target === null || target === targetOf(page) || /^(video|audio)\//.test(type) ? null : fetch(location.origin + target, { cache: 'reload' });

  const reload = async news => {
    leaving = true;
    source?.close();
    await Promise.allSettled(news.map(renew));
    location.reload();
  };

  /* `age` is how long ago it was, in milliseconds: before the page was asked for, it is no news. */
  const take = message => {
    const restarted = server !== null && server !== message.server;
    const news = message.changes.filter(([number, age]) => number > told && age <= performance.now());
    server = message.server;
    for (const [number] of message.changes) told = Math.max(told, number);
    const left = news.filter(([number, , target, type]) => concerns(target, type) && !swap(number, target));
    if (restarted || left.length > 0) reload(left);
  };

  /* A page that nobody sees keeps no connection, of which browsers have few for a server: it catches up when it is seen. */
  const listen = () => {
    source?.close();
    source = null;
    if (leaving || document.hidden) return;
    source = new EventSource('/.pronto/live');
    source.onmessage = event => take(JSON.parse(event.data));
    source.onerror = () => {
      source?.close();
      source = null;
      setTimeout(listen, RETRY_MS);
    };
  };

  document.addEventListener('visibilitychange', listen);
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', event => event.persisted && listen());
  listen();
})();
