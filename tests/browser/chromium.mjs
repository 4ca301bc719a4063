// A headless Chromium, spoken to over the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/
//
// Through pipes, which node can do by itself: messages are JSON with a NUL behind each, written to the browser's
// descriptor 3 and read from its descriptor 4. So no package has to be fetched, and no port is opened.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// A limit for hangs, not a measure of speed.
const TIMEOUT_MS = 120000;

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

const FLAGS = [
    '--headless', '--remote-debugging-pipe',
    '--no-sandbox', // root, and most containers, can't have one; the pages are our own
    '--disable-gpu', '--disable-dev-shm-usage', '--window-size=1280,900', '--autoplay-policy=no-user-gesture-required',
    '--no-first-run', '--disable-sync', '--disable-background-networking', '--disable-component-update',
    '--disable-quic', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', // nothing leaves the machine
];

// Resolves when `done(value)` is called; fails, and says what did not come, when that takes too long.
function waitFor(what, start) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${what} did not come`)), TIMEOUT_MS);
        const finish = (end) => (value) => {
            clearTimeout(timer);
            end(value);
        };
        start(finish(resolve), finish(reject));
    });
}

export function has(program) {
    return new Promise((resolve) => {
        spawn(program, ['--version'], { stdio: 'ignore' })
            .on('error', () => resolve(false))
            .on('exit', (code) => resolve(code === 0));
    });
}

async function findChromium() {
    for (const name of NAMES) {
        if (await has(name)) return name;
    }
    throw new Error(`none of ${NAMES.join(', ')} can be run; tests/deps.sh browser installs one`);
}

export class Chromium {
    #calls = new Map(); // by id: the functions that end the wait for the reply
    #listeners = [];
    #input = ''; // no whole message yet
    #stderr = '';
    #lastId = 0;

    static async start() {
        const browser = new Chromium();
        browser.directory = mkdtempSync(join(tmpdir(), 'pronto-browser-'));
        browser.#spawn(await findChromium());
        const { targetId } = await browser.call('Target.createTarget', { url: 'about:blank' });
        browser.session = (await browser.call('Target.attachToTarget', { targetId, flatten: true })).sessionId;
        return browser;
    }

    // In a process group of its own, which has all that it starts.
    #spawn(name) {
        this.child = spawn(name, [...FLAGS, `--user-data-dir=${this.directory}`], {
            stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
            detached: true,
        });
        this.ended = new Promise((resolve) => this.child.on('exit', resolve));
        this.child.on('exit', () => this.#fail());
        this.child.stderr.on('data', (text) => (this.#stderr += text));
        this.child.stdio[3].on('error', () => this.#fail());
        this.child.stdio[4].setEncoding('utf8').on('data', (text) => this.#read(text));
    }

    #fail() {
        for (const call of this.#calls.values()) call.reject(new Error(`the browser is gone:\n${this.#stderr}`));
        this.#calls.clear();
    }

    #read(text) {
        const messages = (this.#input + text).split('\0');
        this.#input = messages.pop();
        for (const message of messages) this.#take(JSON.parse(message));
    }

    #take(message) {
        if (message.id === undefined) {
            for (const listener of [...this.#listeners]) listener(message.method, message.params);
            return;
        }
        const call = this.#calls.get(message.id);
        this.#calls.delete(message.id);
        if (message.error !== undefined) call?.reject(new Error(JSON.stringify(message.error)));
        else call?.resolve(message.result);
    }

    // Calls a method of the protocol, of the page once there is one.
    call(method, params = {}) {
        const id = ++this.#lastId;
        return waitFor(`the reply to ${method}`, (resolve, reject) => {
            this.#calls.set(id, { resolve, reject });
            this.child.stdio[3].write(JSON.stringify({ id, method, params, sessionId: this.session }) + '\0');
        });
    }

    // Calls `listener` with the name and the parameters of each event from now on.
    listen(listener) {
        this.#listeners.push(listener);
    }

    // Does what opens a page, and waits until all that it names has been loaded.
    async follow(what, action) {
        const loaded = waitFor(`the load event of ${what}`, (resolve) => {
            this.listen((method) => method === 'Page.loadEventFired' && resolve());
        });
        await this.call('Page.enable');
        await action();
        await loaded;
    }

    async open(url) {
        await this.follow(url, async () => {
            const { errorText } = await this.call('Page.navigate', { url });
            if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
        });
    }

    // Clicks into the middle of what the selector finds first.
    async click(selector) {
        const place = await this.evaluate(`(() => {
            const box = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
            return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
        })()`);
        for (const type of ['mousePressed', 'mouseReleased'])
            await this.call('Input.dispatchMouseEvent', { type, ...place, button: 'left', clickCount: 1 });
    }

    // Presses a key, named as in KeyboardEvent.key; `text` is what it types.
    async press(key, text) {
        const code = { Enter: 13, Backspace: 8, Escape: 27, ArrowDown: 40, ArrowUp: 38 }[key];
        const parameters = { key, text, windowsVirtualKeyCode: code };
        await this.call('Input.dispatchKeyEvent', { type: text === undefined ? 'rawKeyDown' : 'keyDown', ...parameters });
        await this.call('Input.dispatchKeyEvent', { type: 'keyUp', ...parameters });
    }

    // The value of an expression in the page, or of the promise that it is.
    async evaluate(expression) {
        const parameters = { expression, awaitPromise: true, returnByValue: true };
        const { result, exceptionDetails } = await this.call('Runtime.evaluate', parameters);
        if (exceptionDetails !== undefined)
            throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
    }

    async screenshot() {
        return Buffer.from((await this.call('Page.captureScreenshot')).data, 'base64');
    }

    async stop() {
        try {
            process.kill(-this.child.pid, 'SIGKILL');
        } catch {
            // It has gone by itself.
        }
        await this.ended;
        rmSync(this.directory, { recursive: true, force: true, maxRetries: 10 });
    }
}
