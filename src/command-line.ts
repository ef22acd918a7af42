import { parseArgs } from 'node:util';
import { HELP } from './command-help.ts';

/**
 * The words and options of a command line.
 *
 * @throws Error naming an option that no command has and the help to look into, or saying which one lacks its value.
 */
export function parseCommandLine(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
        'server-name': { type: 'string' },
        roles: { type: 'string' },
        password: { type: 'string' },
        admin: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw isUnknownOption(error) ? new Error(wordsOn(error, argv), { cause: error }) : error;
  }
}

/** The command that words name: of two, of one, or none, which is an empty text. */
export function commandIn(words: readonly string[]): string {
  const known = [words.slice(0, 2).join(' '), words[0] ?? ''];
  return known.find((command) => Object.hasOwn(HELP, command)) ?? '';
}

function isUnknownOption(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION';
}

/** The engine's own words go on about arguments that begin with a dash, which no command takes. */
function wordsOn({ message }: Error, argv: readonly string[]): string {
  const option = /'(-[^']*)'/.exec(message)?.[1] ?? 'That';
  const end = argv.findIndex((word) => word.startsWith('-'));
  const command = commandIn(argv.slice(0, end));
  return `${option} is no option; see "${['myelin', command, '--help'].filter(Boolean).join(' ')}"`;
}
