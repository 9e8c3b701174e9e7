import { gzipSync } from 'node:zlib';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** Most JavaScript, in gzipped bytes, that the first screen may load. */
const INITIAL_JS_BUDGET = 220 * 1024;

/** Prints what the entry and its static imports weigh, and fails the build above the budget. */
function initialJsBudget(): Plugin {
  return {
    name: 'initial-js-budget',
    apply: 'build',
    generateBundle(_options, bundle) {
      const chunks = new Map(
        Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])),
      );
      const initial = new Set([...chunks.values()].filter((chunk) => chunk.isEntry).map((chunk) => chunk.fileName));
      for (const name of initial) for (const imported of chunks.get(name)?.imports ?? []) initial.add(imported);
      let bytes = 0;
      for (const name of initial) bytes += gzipSync(chunks.get(name)?.code ?? '').byteLength;
      const summary = `initial JS: ${(bytes / 1024).toFixed(1)} KiB gzip of ${INITIAL_JS_BUDGET / 1024} KiB`;
      if (bytes > INITIAL_JS_BUDGET) this.error(`${summary}: load something of it later`);
      this.info(summary);
    },
  };
}

const server = process.env.PARLEY_DEV_SERVER ?? 'http://localhost:8000';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss(), initialJsBudget()],
  // The budget above takes the place of Vite's warning about large chunks.
  build: { outDir: 'dist', sourcemap: false, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1_000 },
  server: { proxy: { '/api': { target: server, ws: true } } },
});
