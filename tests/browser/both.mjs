// A server and a browser that shows what it serves. Pictures are left in build/browser/.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Chromium } from './chromium.mjs';
import { Pronto } from './pronto.mjs';

const PICTURES = 'build/browser';

// Runs a test with a server for `root`, with more options, and a browser, and ends both however it went.
export async function withBoth(root, run, ...options) {
    const server = await Pronto.start(root, ...options);
    let browser;
    try {
        browser = await Chromium.start();
        await run(server, browser);
    } finally {
        await browser?.stop();
        assert.equal(await server.stop(), 0, 'the exit code of the server');
    }
}

export async function keepPicture(browser, name) {
    const picture = await browser.screenshot();
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(join(PICTURES, name), picture);
    return picture;
}

// What the page complains about, from now on: on its console, in exceptions, and in what it could not load.
export async function collectComplaints(browser) {
    const complaints = [];
    browser.listen((method, params) => {
        if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type))
            complaints.push(JSON.stringify(params.args));
        if (method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(params.exceptionDetails));
        if (method === 'Log.entryAdded') complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`);
        if (method === 'Network.loadingFailed' && !params.canceled) complaints.push(params.errorText);
    });
    for (const domain of ['Runtime', 'Log', 'Network']) await browser.call(`${domain}.enable`);
    return complaints;
}
