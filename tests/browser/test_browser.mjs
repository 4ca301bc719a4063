// What a browser makes of the server: the site in www/ as people see it, and a video that is sought in. `make
// test-browser` runs it, from the root of the repository. Pictures of both are left in build/browser/.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { collectComplaints, keepPicture, withBoth } from './both.mjs';

const DURATION_S = 60;
const SEEK_S = 0.8 * DURATION_S;
const RED_FROM_S = 0.75 * DURATION_S; // from here on, the lower right corner of the video is red

// What crosses the wire from now on: each response with the head of its request, by the names of fields in lower case.
async function collectExchanges(browser) {
    const lower = (fields) =>
        Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
    const urls = new Map();
    const requests = new Map();
    const exchanges = [];
    browser.listen((method, params) => {
        if (method === 'Network.requestWillBeSent') urls.set(params.requestId, params.request.url);
        if (method === 'Network.requestWillBeSentExtraInfo') requests.set(params.requestId, lower(params.headers));
        if (method === 'Network.responseReceivedExtraInfo')
            exchanges.push({
                id: params.requestId,
                request: requests.get(params.requestId),
                status: params.statusCode,
                fields: lower(params.headers),
            });
    });
    await browser.call('Network.enable');
    return () => exchanges.map((exchange) => ({ ...exchange, url: urls.get(exchange.id) }));
}

test('the site in www/ is shown without complaint', async () => {
    await withBoth('www', async (server, browser) => {
        const complaints = await collectComplaints(browser);
        const exchanges = await collectExchanges(browser);
        await browser.open(server.url);
        assert.match(await browser.evaluate('document.title'), /^pronto/);
        assert.match(await browser.evaluate('document.querySelector("h1").textContent'), /pronto/);
        // Without a style sheet there would be no rules, and with one that has another type, neither.
        assert.ok(await browser.evaluate('[...document.styleSheets].some((sheet) => sheet.cssRules.length > 10)'));
        assert.ok(await browser.evaluate('[...document.images].every((image) => image.naturalWidth > 0)'));
        assert.equal(await browser.evaluate('document.characterSet'), 'UTF-8');
        const picture = await keepPicture(browser, 'site.png');
        assert.ok(picture.length > 10000, 'the picture is not of an empty page');
        assert.deepEqual(complaints, []);
        assert.ok(exchanges().length >= 2);
        for (const { url, status } of exchanges()) assert.equal(status, 200, url);
    });
});

// RFC 9110 §13.1.2: what a browser has is asked about, and not sent again.
test('rfc9110-13.1.2: a page that is loaded again is not sent again', async () => {
    await withBoth('www', async (server, browser) => {
        const exchanges = await collectExchanges(browser);
        await browser.open(server.url);
        const first = exchanges().length;
        await browser.open(server.url);
        for (const name of ['', 'style.css']) {
            const again = exchanges().slice(first).find(({ url }) => url === server.url + name);
            assert.ok('if-none-match' in again.request, name);
            assert.equal(again.status, 304, name);
        }
    });
});

// Noise does not compress, so that the file is larger than what a browser reads ahead.
function makeVideo(path) {
    const corner = `drawbox=x=260:y=120:w=60:h=60:color=red:t=fill:enable='gte(t,${RED_FROM_S})'`;
    execFileSync('ffmpeg', [
        '-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=10:duration=${DURATION_S}`,
        '-vf', `noise=alls=30:allf=t,${corner}`, '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '16',
        '-b:v', '3M', '-minrate', '3M', '-maxrate', '3M', '-g', '10', '-cues_to_front', '1', path,
    ]);
    const { size } = statSync(path);
    assert.ok(size > 10e6, `the video has ${size} bytes, too few to be read in parts`);
    return size;
}

const PAGE = `<!DOCTYPE html><title>video</title><link rel="icon" href="data:,">
<video src="video.webm" preload="metadata" muted></video>
<script>
    const video = document.querySelector('video');
    const event = (name) => new Promise((resolve, reject) => {
        video.addEventListener(name, resolve, { once: true });
        video.addEventListener('error', () => reject(new Error(video.error.message)), { once: true });
    });
    // That a frame is there does not mean yet that it has come as far as where it can be drawn from.
    async function shown(time) {
        let frame;
        do frame = await new Promise((resolve) => video.requestVideoFrameCallback((now, frame) => resolve(frame)));
        while (Math.abs(frame.mediaTime - time) > 0.15);
    }
    const ready = Promise.all([event('loadedmetadata'), shown(0)]);
    function corner() {
        const context = new OffscreenCanvas(320, 180).getContext('2d');
        context.drawImage(video, 0, 0);
        return [...context.getImageData(290, 150, 1, 1).data];
    }
    async function seek(time) {
        const sought = Promise.all([event('seeked'), shown(time)]);
        video.currentTime = time;
        await sought;
        return { time: video.currentTime, corner: corner() };
    }
</script>`;

// What the corner of the picture is; without a picture it would be nothing at all.
function isRed([red, green, blue, alpha]) {
    assert.equal(alpha, 255, 'there is a picture');
    return red > 150 && green < 110 && blue < 110;
}

// RFC 9110 §14.2, §15.3.7.1: the head of a 206 is that of the range which was asked for.
function checkRange({ request, status, fields }, size) {
    const asked = request.range.match(/^bytes=(\d+)-(\d*)$/);
    assert.ok(asked !== null, `Range: ${request.range}`);
    const first = Number(asked[1]);
    const last = asked[2] === '' ? size - 1 : Math.min(Number(asked[2]), size - 1);
    assert.equal(status, 206, `status for Range: ${request.range}`);
    assert.equal(fields['content-range'], `bytes ${first}-${last}/${size}`);
    assert.equal(fields['content-length'], String(last - first + 1));
    assert.equal(fields['content-type'], 'video/webm');
    return first;
}

test('rfc9110-14.2: a video is sought in by ranges', async () => {
    const root = mkdtempSync(join(tmpdir(), 'pronto-video-'));
    try {
        const size = makeVideo(join(root, 'video.webm'));
        writeFileSync(join(root, 'index.html'), PAGE);
        await withBoth(root, async (server, browser) => {
            const complaints = await collectComplaints(browser);
            const exchanges = await collectExchanges(browser);
            // It would divide ranges into what it has, which it revalidates with 304, and what it has not.
            await browser.call('Network.setCacheDisabled', { cacheDisabled: true });
            const ofVideo = () => exchanges().filter(({ url }) => url.endsWith('/video.webm'));
            await browser.open(server.url);
            await browser.evaluate('ready');
            assert.ok(Math.abs((await browser.evaluate('video.duration')) - DURATION_S) < 1);
            assert.ok(!isRed(await browser.evaluate('corner()')), 'the corner at the start is not red');
            const before = ofVideo().length;
            const { time, corner } = await browser.evaluate(`seek(${SEEK_S})`);
            await keepPicture(browser, 'video.png');
            assert.equal(time, SEEK_S);
            assert.ok(isRed(corner), `the corner at ${time} s is red, not ${corner}`);
            // What is shown at 80 % was got by a new request, for the bytes about there.
            const firsts = ofVideo().map((exchange) => checkRange(exchange, size));
            console.log(`# ranges from ${firsts.join(', ')} of ${size} bytes; ${before} before the seek`);
            assert.ok(firsts.slice(before).some((first) => first > 0.6 * size && first < 0.9 * size));
            // Back to the start, where the corner is not red.
            assert.ok(!isRed((await browser.evaluate('seek(1)')).corner));
            assert.equal(await browser.evaluate('video.error'), null);
            assert.deepEqual(complaints, []);
        });
    } finally {
        rmSync(root, { recursive: true });
    }
});
