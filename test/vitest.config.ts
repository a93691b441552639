/**
 * How the tests run: in two processes, with a last line that other tools can read. `ROBENCH_SLOW=1`
 * runs the slow tests and no others.
 */
import { defineConfig } from 'vitest/config'

const slow = process.env['ROBENCH_SLOW'] === '1'

export default defineConfig({
  test: {
    reporters: ['default', './test/closing-line-reporter.ts'],
    // For tests that hang. A busy machine must never fail a test: the longest takes 3 minutes.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    pool: 'forks',
    maxWorkers: 2,
    // Importing the source again for each of the fast files took half of their processor time.
    isolate: slow,
    // picocolors colors output where CI is set.
    env: { NO_COLOR: '1' },
    setupFiles: ['./test/setup.ts'],
    // The derivative rules of TensorFlow.js are modules that Node cannot load.
    server: { deps: { inline: [/tfjs-core\/dist\/(?!tf-core)/] } },
    include: slow ? ['test/**/*.slow.test.ts'] : ['test/**/*.test.ts'],
    exclude: slow ? [] : ['test/**/*.slow.test.ts'],
    // Code that runs in workers and in the command line's processes is not counted.
    coverage: {
      provider: 'v8',
      include: ['core/**', 'plugins/**', 'reports/**', 'leaderboard/**', 'cli/**'],
      reporter: ['text-summary', 'html'],
      reportsDirectory: 'coverage',
    },
  },
})
