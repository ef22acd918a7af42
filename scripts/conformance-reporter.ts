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
    readonly nesting: number;
    /** The file of the group that was run (`test-groups.ts`). */
    readonly entryFile?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: { readonly type?: string };
  };
}

/**
 * A reporter for `node --test`: writes a JSON list of {@link TestResult} when all tests are done. A test is of the file whose
 * name the outermost suite around it has (`run-test-files.ts`); where it is declared need not be in that file.
 */
export default async function* report(events: AsyncIterable<ReportedEvent>): AsyncGenerator<string> {
  const results: TestResult[] = [];
  /** The outermost suite that began last, by group. */
  const begun = new Map<string, string>();
  for await (const { type, data } of events) {
    const group = data.entryFile ?? '';
    if (type === 'test:start' && data.nesting === 0) begun.set(group, data.name);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    const left = data.skip !== undefined || data.todo !== undefined;
    const state = left ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed';
    results.push({ file: begun.get(group) ?? '', title: data.name, state });
  }
  yield `${JSON.stringify(results, undefined, 1)}\n`;
}
