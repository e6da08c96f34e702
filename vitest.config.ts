import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@parvis/source'] },
  ssr: { resolve: { conditions: ['@parvis/source', 'node', 'default'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'e2e/**/*.test.ts'],
    testTimeout: 20_000,
    maxWorkers: 2,
  },
});
