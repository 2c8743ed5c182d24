import { defineConfig } from 'vitest/config';

// Two projects: `unit` needs nothing but Node; `real` starts servers and the pretend account, one file at a time.
const real = ['test/integration/**/*.test.ts', 'test/local/**/*.test.ts', 'test/**/*.real.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...real, 'node_modules/**'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'real',
          include: real,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
