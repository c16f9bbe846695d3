import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const gateway = process.env.CCGATE_URL ?? 'http://127.0.0.1:3000';

export default defineConfig({
  base: '/dashboard/',
  plugins: [react()],
  build: {
    // build.mjs builds into a directory of its own and then swaps it in, so that two builds at once do not mix.
    outDir: process.env.CCGATE_DASHBOARD_OUT ?? '../Projections/wwwroot/dashboard',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': gateway } },
});
