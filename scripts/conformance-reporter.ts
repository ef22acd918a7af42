import { relative } from 'node:path';

/** What became of one test. */
export interface TestResult {
  /** From the folder of the project. */
  readonly file: string;
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped';
}

interface ReportedEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    /** The file that was run, which need not be the one that declares the test. */
    readonly entryFile?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: { readonly type?: string };
  };
}

/** A reporter for `node --test`: writes a JSON list of {@link TestResult} when all tests are done. */
export default async function* report(events: AsyncIterable<ReportedEvent>): AsyncGenerator<string> {
  const results: TestResult[] = [];
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    const left = data.skip !== undefined || data.todo !== undefined;
    const state = left ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed';
    results.push({ file: relative(process.cwd(), data.entryFile ?? ''), title: data.name, state });
  }
  yield `${JSON.stringify(results, undefined, 1)}\n`;
}
