// Listings as people use them: by mouse, by keys, on a phone, in the dark. `make test-browser` runs it.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { collectComplaints, keepPicture, withBoth } from './both.mjs';

// Each would leave a trace if it became markup, or a script.
const HOSTILE = ['<script>ran=1<', '<img src=x onerror=ran=1>', '"onmouseover="ran=1', 'javascript:ran=1', '&lt;b&gt;'];
const LONG = 'a-name-that-is-too-long-for-a-phone-'.repeat(5);

function makeTree() {
    const root = mkdtempSync(join(tmpdir(), 'pronto-listing-'));
    const write = (name, size, year) => {
        writeFileSync(join(root, name), 'x'.repeat(size));
        utimesSync(join(root, name), new Date(`${year}-01-02T03:04:05Z`), new Date(`${year}-01-02T03:04:05Z`));
    };
    mkdirSync(join(root, 'photos', '2024'), { recursive: true });
    mkdirSync(join(root, 'names'));
    mkdirSync(join(root, 'zoo'));
    write('apple.txt', 2000, 2003);
    write('Banana.txt', 3000, 2001);
    write('cherry.txt', 1000, 2002);
    write('photos/one.jpg', 10, 2001);
    write('photos/2024/two.jpg', 10, 2001);
    for (const name of HOSTILE) write(join('names', name), 1, 2001);
    write(join('names', LONG), 123456, 2001);
    return root;
}

async function withListing(run) {
    const root = makeTree();
    try {
        await withBoth(root, async (server, browser) => {
            const complaints = await collectComplaints(browser);
            await browser.open(server.url);
            await run(server, browser, root);
            assert.deepEqual(complaints, []);
        });
    } finally {
        rmSync(root, { recursive: true });
    }
}

const SHOWN = '[...document.querySelectorAll("tbody tr:not(.u)")].filter((row) => row.checkVisibility())';
const names = (browser) => browser.evaluate(`${SHOWN}.map((row) => row.cells[0].textContent.trim())`);
const path = (browser) => browser.evaluate('location.pathname');
const focused = (browser) => browser.evaluate('document.activeElement.textContent.trim()');

test('a listing is sorted by a click at the head of a column', async () => {
    await withListing(async (server, browser) => {
        const folders = ['names/', 'photos/', 'zoo/'];
        const clicks = [
            ['size', ['Banana.txt', 'apple.txt', 'cherry.txt'], 'descending'],
            ['size', ['cherry.txt', 'apple.txt', 'Banana.txt'], 'ascending'],
            ['time', ['apple.txt', 'cherry.txt', 'Banana.txt'], 'descending'],
            ['time', ['Banana.txt', 'cherry.txt', 'apple.txt'], 'ascending'],
            ['name', ['apple.txt', 'Banana.txt', 'cherry.txt'], 'ascending'],
            ['name', ['cherry.txt', 'Banana.txt', 'apple.txt'], 'descending'],
        ];
        assert.deepEqual(await names(browser), [...folders, 'apple.txt', 'Banana.txt', 'cherry.txt']);
        for (const [column, files, order] of clicks) {
            const head = `th a[href*="sort=${column}"]`;
            await browser.follow(head, () => browser.click(head));
            const shown = await names(browser);
            assert.deepEqual(shown.slice(folders.length), files, `${column}, ${order}`);
            assert.deepEqual(shown.slice(0, folders.length).sort(), folders);
            assert.equal(await browser.evaluate('document.querySelector("[aria-sort]").ariaSort'), order);
        }
        await keepPicture(browser, 'listing.png');
    });
});

test('a listing is filtered while one types', async () => {
    await withListing(async (server, browser) => {
        await browser.press('/', '/');
        for (const letter of 'AN') await browser.press(letter, letter);
        assert.deepEqual(await names(browser), ['Banana.txt']);
        assert.equal(await browser.evaluate('document.getElementById("count").textContent'), '1 of 6 match');
        await keepPicture(browser, 'listing-filter.png');
        await browser.press('Escape');
        assert.equal((await names(browser)).length, 6);
        await browser.press('/', '/');
        await browser.call('Input.insertText', { text: 'txt app' });
        assert.deepEqual(await names(browser), ['apple.txt']);
    });
});

test('folders are opened by mouse and by keys', async () => {
    await withListing(async (server, browser) => {
        await browser.follow('photos', () => browser.click('a[href="./photos/"]'));
        assert.equal(await path(browser), '/photos/');
        await browser.follow('the one above', () => browser.click('.u a'));
        assert.equal(await path(browser), '/');
        for (const key of ['j', 'j', 'j', 'k']) await browser.press(key, key);
        assert.equal(await focused(browser), 'photos/');
        await browser.follow('photos, by Enter', () => browser.press('Enter', '\r'));
        assert.equal(await path(browser), '/photos/');
        await browser.press('ArrowDown'); // the way up
        await browser.press('ArrowDown');
        assert.equal(await focused(browser), '2024/');
        await browser.follow('2024', () => browser.press('Enter', '\r'));
        assert.equal(await path(browser), '/photos/2024/');
        await browser.follow('the one above, by Backspace', () => browser.press('Backspace'));
        assert.equal(await path(browser), '/photos/');
        await browser.follow('the first part of the path', () => browser.click('h1 a'));
        assert.equal(await path(browser), '/');
    });
});

test('names are names, whatever is in them', async () => {
    await withListing(async (server, browser, root) => {
        writeFileSync(join(root, 'favicon.ico'), ''); // a file has none of its own, as pages have, and it is asked for
        await browser.open(`${server.url}names/`);
        assert.deepEqual(new Set(await names(browser)), new Set([...HOSTILE, LONG]));
        assert.equal(await browser.evaluate('typeof ran'), 'undefined');
        assert.equal(await browser.evaluate('document.scripts.length'), 1);
        assert.equal(await browser.evaluate('document.images.length'), 0);
        // Hovering and clicking come to the file, and to nothing else.
        for (const [i, name] of HOSTILE.entries()) {
            await browser.open(`${server.url}names/`);
            await browser.evaluate(`[...document.querySelectorAll('tbody a')]
                .find((link) => link.textContent === ${JSON.stringify(name)}).id = 'one'`);
            await browser.follow(name, () => browser.click('#one'));
            assert.equal(decodeURIComponent(await path(browser)), `/names/${name}`);
            assert.equal(await browser.evaluate('document.body.textContent'), 'x', `file ${i}`);
        }
    });
});

test('a listing has room on a phone, in the light and in the dark', async () => {
    await withListing(async (server, browser) => {
        const width = 360;
        await browser.call('Emulation.setDeviceMetricsOverride', {
            width, height: 740, deviceScaleFactor: 2, mobile: true,
        });
        for (const [scheme, background] of [['light', 'rgb(240, 241, 237)'], ['dark', 'rgb(21, 24, 26)']]) {
            const features = [{ name: 'prefers-color-scheme', value: scheme }];
            await browser.call('Emulation.setEmulatedMedia', { features });
            for (const name of ['', 'names/', 'photos/2024/']) {
                await browser.open(server.url + name);
                assert.equal(await browser.evaluate('innerWidth'), width);
                assert.equal(await browser.evaluate('document.documentElement.scrollWidth'), width, `${scheme}, /${name}`);
                assert.equal(await browser.evaluate('getComputedStyle(document.body).backgroundColor'), background);
                await keepPicture(browser, `listing-${scheme}-${name.replaceAll('/', '-')}phone.png`);
            }
        }
    });
});
