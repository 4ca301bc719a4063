// The status page as people see it: that it is right, that it keeps up to date, on a phone, in the dark. `make
// test-browser` runs it.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { collectComplaints, keepPicture, withBoth } from './both.mjs';

const BY_HAND = ['--admin', '127.0.0.1:0', '--workers', '2'];

async function withDashboard(run) {
    const root = mkdtempSync(join(tmpdir(), 'pronto-dashboard-'));
    try {
        mkdirSync(join(root, 'files'));
        for (let i = 0; i < 20; i++) writeFileSync(join(root, 'files', `${i}.txt`), 'x'.repeat(400 * (i + 1)));
        await withBoth(root, async (server, browser) => {
            const complaints = await collectComplaints(browser);
            await run(server, browser);
            assert.deepEqual(complaints, []);
        }, ...BY_HAND);
    } finally {
        rmSync(root, { recursive: true });
    }
}

async function ask(server, count) {
    for (let i = 0; i < count; i++)
        await (await fetch(`${server.url}files/${i % 23}.txt`)).arrayBuffer(); // three of 23 are not there
}

// Waits until an expression in the page is true.
async function until(browser, what, expression) {
    for (let i = 0; i < 300; i++) {
        if (await browser.evaluate(expression)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`${what}: ${await browser.evaluate('document.querySelector("main").innerText')}`);
}

const total = (key) => `Number(document.querySelector('[data-total=${key}]').textContent.replaceAll(',', ''))`;

test('the status page keeps up to date with what is asked', async () => {
    await withDashboard(async (server, browser) => {
        await ask(server, 30);
        await browser.open(server.status);
        assert.equal(await browser.evaluate('document.title'), 'pronto – status');
        await until(browser, 'the requests before', `${total('answered')} === 30`);
        await ask(server, 100);
        await until(browser, 'those after', `${total('answered')} === 130`);
        assert.equal(await browser.evaluate(`${total('c2')} + ${total('c4')}`), 130);
        assert.equal(await browser.evaluate(total('c4')), 15);
        await until(browser, 'what is drawn', `/L/.test(document.querySelector('#requests path.first').getAttribute('d'))`);
        const rows = await browser.evaluate(
            `[...document.querySelectorAll("#each tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent))`,
        );
        assert.deepEqual(rows.map(([number]) => number), ['0', '1']);
        assert.equal(rows.reduce((sum, [, , requests]) => sum + Number(requests), 0), 130);
        assert.equal(await browser.evaluate('document.getElementById("phase").textContent'), 'serving');
    });
});

test('the status page can be looked at', async () => {
    await withDashboard(async (server, browser) => {
        await browser.open(server.status);
        for (let i = 1; i <= 16; i++) {
            await ask(server, 25 * (1 + (i % 5)));
            await new Promise((resolve) => setTimeout(resolve, 400));
        }
        await browser.call('Emulation.setDeviceMetricsOverride', { width: 1100, height: 1000, deviceScaleFactor: 1, mobile: false });
        assert.ok((await keepPicture(browser, 'dashboard.png')).length > 10000);
        await browser.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
        const dark = await browser.evaluate('getComputedStyle(document.body).backgroundColor');
        assert.equal(dark, 'rgb(21, 24, 26)');
        await keepPicture(browser, 'dashboard-dark.png');
        await browser.call('Emulation.setDeviceMetricsOverride', { width: 360, height: 1900, deviceScaleFactor: 1, mobile: true });
        assert.ok(await browser.evaluate('document.documentElement.scrollWidth <= 360'), 'nothing is cut off at 360 px');
        await browser.call('Emulation.setEmulatedMedia', { features: [] });
        await keepPicture(browser, 'dashboard-360.png');
    });
});

test('without its script the status page shows what is so when it is loaded', async () => {
    await withDashboard(async (server, browser) => {
        await ask(server, 12);
        await browser.call('Emulation.setScriptExecutionDisabled', { value: true });
        let text = '';
        for (let i = 0; i < 300 && !/Requests\s+12\s/.test(text); i++) {
            await browser.open(server.status);
            const { root } = await browser.call('DOM.getDocument');
            const { nodeId } = await browser.call('DOM.querySelector', { nodeId: root.nodeId, selector: '.totals' });
            const { outerHTML } = await browser.call('DOM.getOuterHTML', { nodeId });
            text = outerHTML.replace(/<[^>]*>/g, ' ');
        }
        assert.match(text, /Requests\s+12\s/);
    });
});
