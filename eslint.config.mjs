import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

/** Who may import whom; `docs/architecture.md` says why. */
const rooms = {
  core: [],
  stores: ['core'],
  services: ['core'],
  lib: ['core'],
  lambdas: ['core', 'stores', 'services'],
  tasks: ['core', 'stores'],
  cli: ['core', 'stores', 'services'],
  bin: ['core', 'lib'],
  config: ['core'],
  local: ['core'],
  bench: ['core', 'stores', 'tasks', 'local'],
};

const mayImport = (from, types) => ({
  from: { element: { type: from } },
  allow: { to: { element: { type: types } } },
});

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'cdk.out', '.local', 'coverage', '**/*.d.ts'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { boundaries },
    settings: {
      'import/resolver': { typescript: { alwaysTryTypes: true } },
      'boundaries/include': ['**/*.ts'],
      'boundaries/elements': [
        // Anchored at the root: `test/core` is a test, no core.
        ...[...Object.keys(rooms), 'test'].map((type) => ({ type, pattern: `${type}/**`, partialMatch: false })),
      ],
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'no-console': 'off',
      eqeqeq: 'error',
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          message: '{{from.element.type}} must not import {{to.element.type}}; see docs/architecture.md',
          policies: [
            ...Object.entries(rooms).map(([from, allow]) => mayImport(from, [from, ...allow])),
            mayImport('test', ['test', ...Object.keys(rooms)]),
          ],
        },
      ],
    },
  },
  {
    // The SDK and I/O stay out of core: it is shared words and pure functions.
    files: ['core/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: ['@aws-sdk/*', 'aws-cdk-lib*', 'node:fs*', 'node:child_process', 'node:net', 'node:http*', 'pg'] },
      ],
    },
  },
);
