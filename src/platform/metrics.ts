import type { Registry } from 'prom-client';
import { TimeHistogram } from './time-histogram.ts';

let ofProcess: Promise<Registry> | undefined;

/**
 * Figures of the process, whatever runs in it. What watches the engine for them never ends: it is begun only once, and only
 * when somebody looks, as it takes some MiB and wakes an idle process a hundred times a second.
 */
function processFigures(): Promise<Registry> {
  ofProcess ??= import('prom-client').then(({ collectDefaultMetrics, Registry }) => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    return registry;
  });
  return ofProcess;
}

/** Figures for monitoring, in the format of Prometheus. */
export class Metrics {
  readonly #requests = new TimeHistogram({
    name: 'myelin_request_seconds',
    help: 'Time from request to answer, by endpoint and status class',
    labels: ['endpoint', 'status'],
    bounds: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
  });
  readonly #observers = new Map<string, { observe(seconds: number): void }>();
  readonly #gauges: (() => string)[] = [];

  /** Records a request. */
  request(endpoint: string, status: number, seconds: number): void {
    const group = Math.floor(status / 100);
    const key = `${endpoint}/${group}`;
    let observer = this.#observers.get(key);
    if (!observer) {
      observer = this.#requests.series({ endpoint, status: `${group}xx` });
      this.#observers.set(key, observer);
    }
    observer.observe(seconds);
  }

  /** Adds a figure that is read when somebody looks. */
  gauge(name: string, help: string, read: () => number): void {
    this.#gauges.push(() => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${read()}\n`);
  }

  /** All figures as text, and its content type. */
  async text(): Promise<{ contentType: string; text: string }> {
    const process = await processFigures();
    const own = [...this.#gauges.map((gauge) => gauge()), this.#requests.text()];
    return { contentType: process.contentType, text: `${await process.metrics()}\n${own.join('\n')}` };
  }
}
