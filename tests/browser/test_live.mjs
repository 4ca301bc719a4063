// Pages that follow what is edited (--live). How long it took is printed; what counts is that it happens. `make
// test-browser` runs it.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { Chromium } from './chromium.mjs';
import { Pronto } from './pronto.mjs';

const STEPS = 1500; // of 10 ms: a limit for hangs
const RED = 'rgb(255, 0, 0)';
const BLUE = 'rgb(0, 0, 255)';

const picture = (colour) => `<svg xmlns="http://www.w3.org/2000/svg" width="${colour.length}" height="9"/>`;

const page = (text) => `<!DOCTYPE html>
<html><head><title>live</title><link rel="stylesheet" href="/css/a.css?v=1"><script src="/app.js"></script></head>
<body><p id="text">${text}</p><input id="field"><img id="image" src="picture.svg"></body></html>
`;

const FILES = {
    'index.html': page('first'),
    'other.html': page('other'),
    'css/a.css': '@import "b.css"; #text { color: red }',
    'css/b.css': '#field { color: red }',
    'css/unused.css': '',
    'app.js': 'window.app = "first";',
    'picture.svg': picture('red'),
    'dist/index.html': page('built'),
    _headers: '/app.js\n  Cache-Control: max-age=3600\n',
};

class Site {
    constructor() {
        this.root = mkdtempSync(join(tmpdir(), 'pronto-live-'));
        for (const [name, text] of Object.entries(FILES)) this.write(name, text);
    }

    path(name) {
        return join(this.root, name);
    }

    write(name, text) {
        mkdirSync(join(this.path(name), '..'), { recursive: true });
        writeFileSync(this.path(name), text);
    }

    // As many editors save: beside the file, and then over it.
    replace(name, text) {
        this.write(`${name}~`, text);
        renameSync(this.path(`${name}~`), this.path(name));
    }

    remove(name) {
        rmSync(this.path(name), { recursive: true });
    }
}

// Whether the expression is true in the page; one that is just going has none.
async function holds(browser, expression) {
    try {
        return await browser.evaluate(expression);
    } catch (error) {
        if (/context|navigat/i.test(error.message)) return false;
        throw error;
    }
}

// Waits until an expression in the page is true. Returns how long that took, in milliseconds.
async function until(browser, what, expression) {
    const begun = performance.now();
    for (let i = 0; i < STEPS; i++) {
        if (await holds(browser, expression)) return Math.round(performance.now() - begun);
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.fail(`${what}: ${await browser.evaluate('document.documentElement.outerHTML')}`);
}

const shows = (text) => `document.getElementById('text')?.textContent === '${text}'`;
const isColoured = (id, colour) =>
    `[document.getElementById('${id}')].every((element) => element && getComputedStyle(element).color === '${colour}')`;

// Leaves something in the page that only this load of it has.
const mark = (browser) => browser.evaluate(`window.mark = true; document.getElementById('field').value = 'typed'; true`);
const isMarked = (browser) => browser.evaluate(`window.mark === true && document.getElementById('field').value === 'typed'`);

function freePort() {
    return new Promise((resolve) => {
        const server = createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

let site, server, browser;

async function serve(port, ...options) {
    server = await Pronto.start(site.root, '--listen', `127.0.0.1:${port}`, ...options);
    server.url = `http://127.0.0.1:${port}/`;
}

// A site, a server for it on a port that stays when it is started again, and a browser; all new for each test.
function liveTest(name, run) {
    test(name, async (t) => {
        site = new Site();
        server = browser = undefined;
        const port = await freePort();
        try {
            await serve(port, '--live');
            browser = await Chromium.start();
            await run(t, port);
        } finally {
            await browser?.stop();
            assert.equal(await server?.stop(), 0, 'the exit code of the server');
            rmSync(site.root, { recursive: true });
        }
    });
}

for (const way of ['write', 'replace']) {
    liveTest(`a page that is edited is loaded again (${way})`, async (t) => {
        await browser.open(server.url);
        for (const text of ['second', 'third', 'fourth']) {
            await until(browser, 'the page before', `document.readyState === 'complete'`);
            await mark(browser);
            site[way]('index.html', page(text));
            t.diagnostic(`${await until(browser, 'the new page', shows(text))} ms until the page shows what was written`);
            assert.equal(await isMarked(browser), false);
        }
    });

    liveTest(`a style sheet that is edited is swapped, and the page stays what it is (${way})`, async (t) => {
        await browser.open(server.url);
        await mark(browser);
        for (const [name, colour] of [['blue', BLUE], ['red', RED], ['blue', BLUE]]) {
            site[way]('css/a.css', `#text { color: ${name} }`);
            t.diagnostic(`${await until(browser, 'the new colour', isColoured('text', colour))} ms until the page has the style`);
            await until(browser, 'one sheet', `document.querySelectorAll('link').length === 1`);
        }
        assert.ok(await isMarked(browser));
    });
}

liveTest('a picture that is edited is swapped', async () => {
    await browser.open(server.url);
    await mark(browser);
    site.write('picture.svg', picture('yellow'));
    await until(browser, 'the new picture', `document.getElementById('image').naturalWidth === 6`);
    assert.ok(await isMarked(browser));
});

// A client of the stream: tells when `text` has been told of.
async function toldOf(text) {
    const end = new AbortController();
    const reader = (await fetch(`${server.url}.pronto/live`, { signal: end.signal })).body.getReader();
    return {
        async wait() {
            let told = '';
            while (!told.includes(text)) told += new TextDecoder().decode((await reader.read()).value);
            end.abort();
        },
    };
}

// What Chromium says of a tab behind others, of which a headless one has none.
const setHidden = (hidden) => browser.evaluate(`
    Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange')); true`);

liveTest('a page that is not seen catches up when it is', async () => {
    await browser.open(server.url);
    await mark(browser);
    await setHidden(true);
    const told = await toldOf('"/css/a.css"');
    site.write('css/a.css', '#text { color: blue }');
    await told.wait();
    assert.ok(await browser.evaluate(isColoured('text', RED)));
    await setHidden(false);
    await until(browser, 'the new colour', isColoured('text', BLUE));
    assert.ok(await isMarked(browser));
});

// What comes of the last change says that those before it have been told of.
liveTest('what other pages are made of is left to them', async () => {
    for (const name of ['other.html', 'css/unused.css', 'favicon.png']) await fetch(server.url + name);
    await browser.open(server.url);
    await mark(browser);
    for (const name of ['other.html', 'css/unused.css']) {
        const told = await toldOf(name);
        site.write(name, 'changed');
        await told.wait();
    }
    site.write('css/a.css', '#text { color: blue }');
    await until(browser, 'the new colour', isColoured('text', BLUE));
    assert.ok(await isMarked(browser));
});

liveTest('what a style sheet imports, and a script, has the page loaded again', async () => {
    await browser.open(server.url);
    await mark(browser);
    site.write('css/b.css', '#field { color: blue }');
    await until(browser, 'the new import', isColoured('field', BLUE));
    assert.equal(await browser.evaluate('window.mark'), undefined);
    site.write('app.js', 'window.app = "second";'); // which the browser has been allowed to keep for an hour
    await until(browser, 'the new script', `window.app === 'second'`);
});

liveTest('a build that removes all and makes it anew is followed', async () => {
    await browser.open(`${server.url}dist/`);
    for (const text of ['rebuilt', 'again']) {
        site.remove('dist');
        await until(browser, 'the page of what is gone', `/404/.test(document.title)`);
        site.write('dist/index.html', page(text));
        await until(browser, 'the new page', shows(text));
    }
});

liveTest('what was missing is shown once it is there', async () => {
    await browser.open(`${server.url}missing.html`);
    assert.match(await browser.evaluate('document.title'), /404/);
    site.write('404.html', page('our own'));
    await until(browser, 'the page of the error', shows('our own'));
    site.write('404.html', page('our new own'));
    await until(browser, 'the new page of the error', shows('our new own'));
    site.write('missing.html', page('found'));
    await until(browser, 'the page', shows('found'));
});

liveTest('a listing shows what comes and goes', async () => {
    await browser.open(`${server.url}css/`);
    const lists = (name, whether = true) =>
        `document.readyState === 'complete' && document.body.textContent.includes('${name}') === ${whether}`;
    assert.ok(await browser.evaluate(lists('unused.css')));
    site.write('css/new.css', '');
    await until(browser, 'the new name', lists('new.css'));
    site.remove('css/unused.css');
    await until(browser, 'the old name gone', lists('unused.css', false));
});

liveTest('after a restart of the server the page comes back, and is loaded again', async (t, port) => {
    await browser.open(server.url);
    await until(browser, 'the page before', `document.readyState === 'complete'`);
    await mark(browser);
    assert.equal(await server.stop(), 0, 'the exit code of the server');
    server = undefined;
    site.write('index.html', page('meanwhile'));
    await serve(port, '--live');
    t.diagnostic(`${await until(browser, 'the page after', shows('meanwhile'))} ms until the page is there again`);
    site.write('index.html', page('after'));
    await until(browser, 'a later page', shows('after'));
});

liveTest('a reload of the server loads pages again', async () => {
    await browser.open(server.url);
    await mark(browser);
    server.child.kill('SIGHUP');
    await until(browser, 'another page', `document.readyState === 'complete' && window.mark === undefined`);
    site.write('index.html', page('after'));
    await until(browser, 'a later page', shows('after'));
});

liveTest('without --live, what is sent is what is on disk', async (t, port) => {
    assert.notEqual(await (await fetch(server.url)).text(), FILES['index.html']);
    assert.equal(await server.stop(), 0, 'the exit code of the server');
    await serve(port);
    for (const name of ['index.html', 'other.html', 'css/a.css', 'app.js', 'picture.svg', 'dist/index.html'])
        assert.equal(await (await fetch(server.url + name)).text(), FILES[name], name);
    assert.equal((await fetch(`${server.url}.pronto/live.js`)).status, 404);
    await browser.open(server.url);
    assert.equal(await browser.evaluate('document.scripts.length'), 1);
});
