import { stringify } from 'yaml';
import { allowed, configOptions, schemaAt } from './options.ts';

const TABLE_HEAD = ['| option | allowed | default | environment variable |', '| --- | --- | --- | --- |'];

/** `docs/configuration.md`, made from the schema. */
export function configurationDocument(): string {
  const lines = [
    '# Configuration',
    '',
    'Made from the schema by `npm run docs`; do not edit.',
    '',
    'Myelin runs without any configuration. To change something, write a YAML file (`myelin init` makes one) and name it',
    'with `--config`, or set environment variables, which win over the file. `myelin config check` says what is wrong with',
    'a file and where.',
    '',
    'Paths are relative to the folder in which the command is started, wherever the file is: `data_dir` above all. Name whole',
    'paths where that may be another folder each time.',
  ];
  lines.push('', ...TABLE_HEAD);
  let section = '';
  for (const { path, variable, schema } of configOptions()) {
    const parent = path.slice(0, -1).join('.');
    if (parent !== section) {
      section = parent;
      lines.push('', `## ${section}`, '', schemaAt(path.slice(0, -1))?.description ?? '');
      lines.push('', ...TABLE_HEAD);
    }
    const fallback = JSON.stringify(schema.default);
    const name = path.at(-1) ?? '';
    lines.push(
      tableRow(
        `\`${name}\`: ${schema.description ?? ''}`,
        allowed(schema),
        `\`${fallback}\``,
        `\`${variable}\``,
      ),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** A row of a table. Its cells end at a vertical bar, even within code. */
function tableRow(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The text as YAML reads it: plain where it can be. */
function quoted(text: string): string {
  return stringify(text).trimEnd();
}

/** A file with every option at its default, commented out. */
export function sampleConfiguration(serverName: string): string {
  const lines = [
    '# Configuration of Myelin. What is commented out shows the default.',
    `server_name: ${quoted(serverName)}`,
  ];
  let section: readonly string[] = [];
  for (const { path, schema } of configOptions()) {
    if (path[0] === 'server_name') continue;
    const parents = path.slice(0, -1);
    for (const [i, parent] of parents.entries()) {
      if (parents.slice(0, i + 1).join('.') === section.slice(0, i + 1).join('.')) continue;
      if (i === 0) lines.push('', `# ${schemaAt(parents.slice(0, 1))?.description ?? ''}`);
      lines.push(`${'  '.repeat(i)}${parent}:`);
    }
    section = parents;
    const indent = '  '.repeat(parents.length);
    lines.push(`${indent}# ${schema.description ?? ''}`);
    lines.push(`${indent}# ${path.at(-1) ?? ''}: ${JSON.stringify(schema.default)}`);
  }
  return `${lines.join('\n')}\n`;
}
