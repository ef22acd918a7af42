import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: ['node_modules/', '**/.venv/', 'dist/', 'data/', '*.config.js', '.dependency-cruiser.cjs'],
  },
  ...tseslint.configs.strict,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },
  {
    // What a simulation is to decide: time comes from the clock and the timers of the composition.
    files: ['src/federation/**', 'src/rooms/**', 'src/modules/**'],
    ignores: [
      '**/*.test.ts',
      // These wait for other machines and disks, which no simulation stands in for.
      'src/modules/{application-services,content-repository,push}/**',
    ],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: 'Take the timers that the service is given (platform/timers.ts).' },
        { name: 'setInterval', message: 'Take the timers that the service is given (platform/timers.ts).' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Take the clock that the service is given.' },
        { object: 'Math', property: 'random', message: 'Take the randomness that the service is given.' },
        { object: 'AbortSignal', property: 'timeout', message: 'Take timeLimit (platform/timers.ts).' },
      ],
    },
  },
  {
    files: ['bench/**', 'scripts/**', 'e2e/**', '**/*.test.ts'],
    rules: {
      'no-console': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // What Node or a browser runs as it is: there are no types to go by.
    ...tseslint.configs.disableTypeChecked,
    files: ['**/*.{js,cjs}'],
  },
  {
    files: ['**/*.cjs', 'e2e/bot-sdk/no-crypto/**'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
