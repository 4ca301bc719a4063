// The server under test: the binary that the environment variable PRONTO names, on a free port. `url` is where it serves,
// and `status` where it says how it does, with the option --admin.

import { spawn } from 'node:child_process';

export class Pronto {
    static async start(root, ...options) {
        const server = new Pronto();
        let stderr = '';
        server.child = spawn(process.env.PRONTO, ['--listen', '127.0.0.1:0', ...options, root], {
            stdio: ['ignore', 'ignore', 'pipe'],
        });
        server.ended = new Promise((resolve) => server.child.on('exit', resolve));
        server.url = await new Promise((resolve, reject) => {
            server.child.on('error', reject);
            server.child.on('exit', () => reject(new Error(`the server is gone:\n${stderr}`)));
            server.child.stderr.on('data', (text) => {
                stderr += text;
                const found = stderr.match(/listening on (http:\/\/127\.0\.0\.1:\d+\/)\n/);
                server.status = stderr.match(/status on (http:\/\/127\.0\.0\.1:\d+\/)\n/)?.[1];
                if (found !== null) resolve(found[1]);
            });
        });
        return server;
    }

    // The exit code: 0 where it stopped as it should.
    async stop() {
        this.child.kill('SIGTERM');
        return this.ended;
    }
}
