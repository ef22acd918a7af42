/**
 * Bundles Element's user interface and the page around it for a browser: `node bundle.js OUT`, in a folder in which
 * `npm ci` has run.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import postcss from 'postcss';
import easings from 'postcss-easings';
import hexrgba from 'postcss-hexrgba';
import importCss from 'postcss-import';
import mixins from 'postcss-mixins';
import nested from 'postcss-nested';
import scss from 'postcss-scss';
import simpleVars from 'postcss-simple-vars';

const out = resolve(process.argv[2] ?? 'out');
const { resolve: locate } = createRequire(import.meta.url);
const sdk = dirname(locate('matrix-react-sdk/package.json'));

const FILES = {
  '.png': 'file',
  '.svg': 'file',
  '.woff2': 'file',
  '.woff': 'file',
  '.ttf': 'file',
  '.gif': 'file',
};

/** A picture is both an address and, by the name `Icon`, a component that shows it. */
const pictures = {
  name: 'pictures',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /\.svg$/ }, ({ path, resolveDir, namespace, kind }) => {
      if (kind === 'url-token') return undefined;
      if (namespace === 'picture') return { path, namespace: 'file' };
      return { path: path.startsWith('.') ? join(resolveDir, path) : locate(path), namespace: 'picture' };
    });
    onLoad({ filter: /.*/, namespace: 'picture' }, ({ path }) => {
      const [, attributes = '', body = ''] =
        /<svg([^>]*)>(.*)<\/svg>/s.exec(readFileSync(path, 'utf8')) ?? [];
      const properties = {};
      for (const [, name, value] of attributes.matchAll(/([\w:-]+)="([^"]*)"/g)) {
        if (name.startsWith('xmlns') || name === 'style') continue;
        properties[name === 'class' ? 'className' : name.replace(/-(\w)/g, (_, c) => c.toUpperCase())] =
          value;
      }
      const contents = `
        import { createElement } from 'react';
        import address from ${JSON.stringify(path)};
        const properties = ${JSON.stringify(properties)};
        const dangerouslySetInnerHTML = { __html: ${JSON.stringify(body)} };
        export const Icon = (given) => createElement('svg', { ...properties, ...given, dangerouslySetInnerHTML });
        export default address;`;
      return { contents, loader: 'js', resolveDir: dirname(path) };
    });
  },
};

/** Scripts of workers are files of their own, and some texts are taken as they are. */
const asTheyAre = {
  name: 'as they are',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^!!raw-loader!/ }, ({ path, resolveDir }) => {
      const named = join(resolveDir, path.replace('!!raw-loader!', ''));
      return { path: existsSync(named) ? named : `${named}.js`, namespace: 'text' };
    });
    onLoad({ filter: /.*/, namespace: 'text' }, ({ path }) => ({
      contents: readFileSync(path, 'utf8'),
      loader: 'text',
    }));
    onResolve({ filter: /^opus-recorder\/.*[wW]orker\.min\.(?:js|wasm)$/ }, ({ path }) => ({
      path: locate(path),
      namespace: 'address',
    }));
    onLoad({ filter: /.*/, namespace: 'address' }, ({ path }) => ({
      contents: readFileSync(path),
      loader: 'file',
    }));
    onResolve({ filter: /\/RecorderWorklet$|^\$webapp\/i18n\/languages\.json$/ }, ({ path }) => ({
      path,
      namespace: 'beside',
    }));
    onLoad({ filter: /.*/, namespace: 'beside' }, ({ path }) => {
      const address = path.startsWith('$webapp') ? path.replace('$webapp/', '') : 'RecorderWorklet.ts';
      return { contents: `export default ${JSON.stringify(address)}` };
    });
  },
};

const shared = {
  bundle: true,
  inject: [resolve('node-globals.js')],
  format: 'esm',
  platform: 'browser',
  target: 'chrome120',
  logLevel: 'error',
  minifyWhitespace: true,
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  tsconfigRaw: {
    compilerOptions: { jsx: 'react', experimentalDecorators: true, useDefineForClassFields: false },
  },
};

async function bundleScripts() {
  await build({
    ...shared,
    entryPoints: [resolve('shell.js')],
    outdir: out,
    splitting: true,
    assetNames: 'assets/[name]-[hash]',
    publicPath: '/',
    loader: FILES,
    plugins: [pictures, asTheyAre],
  });
  // The scripts ask for these by their address beside them.
  const names = ['blurhash', 'indexeddb', 'playback'].map((name) => `workers/${name}.worker`);
  const entryPoints = [...names, 'audio/RecorderWorklet'].map((name) => join(sdk, 'src', `${name}.ts`));
  const beside = { entryNames: '[name]', outExtension: { '.js': '.ts' } };
  await build({ ...shared, ...beside, format: 'iife', entryPoints, outdir: out });
  const crypto = dirname(locate('@matrix-org/matrix-sdk-crypto-wasm/package.json'));
  cpSync(join(crypto, 'pkg'), join(out, 'pkg'), { recursive: true });
}

async function bundleStyles() {
  const from = join(sdk, 'res/themes/light/css/light.pcss');
  const plugins = [importCss(), mixins(), simpleVars(), nested(), easings(), hexrgba()];
  const { css } = await postcss(plugins).process(readFileSync(from, 'utf8'), {
    from,
    syntax: scss,
    map: false,
  });
  await build({
    ...shared,
    stdin: { contents: css, resolveDir: dirname(from), loader: 'css' },
    outfile: join(out, 'theme.css'),
    assetNames: 'assets/[name]-[hash]',
    publicPath: '/',
    loader: FILES,
  });
}

function copyRest() {
  mkdirSync(join(out, 'i18n'), { recursive: true });
  copyFileSync(join(sdk, 'src/i18n/strings/en_EN.json'), join(out, 'i18n/en_EN.json'));
  writeFileSync(join(out, 'i18n/languages.json'), JSON.stringify({ en: 'en_EN.json' }));
  cpSync(join(sdk, 'res/media'), join(out, 'media'), { recursive: true });
  for (const file of ['index.html', 'media-token-worker.js']) copyFileSync(file, join(out, basename(file)));
}

await bundleScripts();
await bundleStyles();
copyRest();
