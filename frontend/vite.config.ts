import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const BACKEND_OF_THE_DEVELOPER = 'http://localhost:8000';

/**
 * Answers `/config.json` in development the way the production server does, so the application has one way to find its
 * backend. An empty `apiUrl` means "this origin": the proxy below hands `/v1` on, and no CORS setting is needed.
 */
function runtimeConfig(): Plugin {
  return {
    name: 'vitalyst:runtime-config',
    configureServer(server) {
      server.middlewares.use('/config.json', (_request, response) => {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ apiUrl: '' }));
      });
    },
  };
}

export default defineConfig(({ isSsrBuild }) => ({
  plugins: [react(), runtimeConfig()],
  // Only the browser's half has static files; without this they would be copied beside the server too.
  publicDir: isSsrBuild ? false : 'public',
  build: {
    outDir: 'dist/client',
    sourcemap: true,
    target: isSsrBuild ? 'node20' : 'es2022',
    // The policy of the production server allows no inline content, so every asset stays a file.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/v1': { target: process.env['API_URL'] ?? BACKEND_OF_THE_DEVELOPER, changeOrigin: true },
    },
  },
  test: {
    restoreMocks: true,
    testTimeout: 20_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.{ts,tsx}', 'server/**/*.ts', 'common/**/*.ts'],
      exclude: ['**/*.test.{ts,tsx}'],
      reporter: ['text', 'text-summary', 'json', 'json-summary', 'lcov'],
      thresholds: { lines: 85, branches: 85, functions: 85, statements: 85 },
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'browser',
          environment: 'jsdom',
          include: ['src/**/*.test.{ts,tsx}'],
          setupFiles: ['test/setup-browser.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'server', environment: 'node', include: ['{server,common}/**/*.test.ts'] },
      },
    ],
  },
}));
