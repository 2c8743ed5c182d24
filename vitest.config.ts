import { defineConfig } from 'vitest/config';

// Three projects: `unit` needs nothing but Node; `engines` each start a server of their own; `real` also needs the pretend
// account, whose stages would be in each other's way: one file at a time. `npm test` runs these beside the other two.
const engines = ['test/tasks/*/**/*.real.test.ts'];
const real = ['test/integration/**/*.test.ts', 'test/local/**/*.test.ts', 'test/**/*.real.test.ts'];

export default defineConfig({
  test: {
    // Servers and tools do most of the work: a worker that waits costs no core.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...real, 'node_modules/**'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'engines',
          include: engines,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'real',
          include: real,
          exclude: [...engines, 'node_modules/**'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
