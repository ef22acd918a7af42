/** The layers, top to bottom: a folder imports only from folders below it. docs/architecture.md says what is in them. */
const LAYERS = [
  'web',
  'api',
  'sync',
  'modules',
  'federation',
  'rooms',
  'accounts',
  'storage',
  'wire',
  'platform',
  'protocol',
];

const downwards = LAYERS.slice(1).map((layer, i) => ({
  name: `${layer}-imports-only-downwards`,
  comment: `src/${layer} must not import from the layers above it`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${LAYERS.slice(0, i + 1).join('|')})/|^src/[^/]+\\.ts$` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...downwards,
    {
      name: 'protocol-is-pure',
      comment: 'protocol/ does no I/O: of Node it may use hashing and signing only',
      severity: 'error',
      from: { path: '^src/protocol/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'protocol-needs-no-packages',
      severity: 'error',
      from: { path: '^src/protocol/', pathNot: '\\.test\\.ts$' },
      to: { path: 'node_modules' },
    },
    {
      name: 'modules-through-their-index',
      comment: 'a module imports from another only through its index.ts',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/' },
      to: { path: '^src/modules/([^/]+)/', pathNot: ['^src/modules/$1/', '/index\\.ts$'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'] },
  },
};
