import { defineConfig } from 'vitest/config';

/** Tests that start processes or browsers of their own: they run after all others, and mostly wait. */
const PROCESS_TESTS = ['e2e/**/*.test.ts', '**/*.process.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './scripts/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'in process',
          include: ['{packages,tools}/*/src/**/*.test.{ts,tsx}', 'examples/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...PROCESS_TESTS],
          testTimeout: 20_000,
          hookTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'processes',
          include: PROCESS_TESTS,
          exclude: ['**/node_modules/**'],
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
