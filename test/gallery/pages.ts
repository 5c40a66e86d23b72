// The gallery's pages, built in memory by the builder of the product's pages and served on this machine alone. They are never shipped: nothing
// is written to dist, where the agent would find it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import react from '@vitejs/plugin-react';
import { build, type Rolldown } from 'vite';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
};

/** As strict as the room's own, but that the gallery's index may show the pages of its own origin (src/ui-server/app.ts). */
const POLICY =
  "default-src 'self'; style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; frame-ancestors 'self'; base-uri 'none'; object-src 'none'";

export type GalleryServer = AsyncDisposable & { readonly url: string };

/** @param port 0: any that is free */
export async function serveGallery(port = 0): Promise<GalleryServer> {
  const files = await buildPages();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://gallery').pathname;
    const name = path === '/' ? 'index.html' : path.slice(1);
    const file = files.get(name);
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('cache-control', 'no-store');
    if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' }).end(file);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
}

async function buildPages(): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const page = (name: string): string => join(import.meta.dirname, `${name}.html`);
  const built = (await build({
    configFile: false,
    root: import.meta.dirname,
    base: './',
    publicDir: false,
    logLevel: 'warn',
    plugins: [react()],
    build: {
      write: false,
      target: 'chrome120',
      minify: false,
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 20_000,
      rolldownOptions: { input: { index: page('index'), panel: page('panel'), display: page('display') } }
    }
  })) as Rolldown.RolldownOutput;
  return new Map(built.output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : file.source]));
}
