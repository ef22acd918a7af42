import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

let ofProcess: Registry | undefined;

/** Figures of the process, whatever runs in it. What watches the engine for them never ends, and so is begun only once. */
function processFigures(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Figures for monitoring, in the format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'endpoint' | 'status'>;
  readonly #observers = new Map<string, (seconds: number) => void>();

  constructor() {
    processFigures();
    this.#requests = new Histogram({
      name: 'myelin_request_seconds',
      help: 'Time from request to answer, by endpoint and status class',
      labelNames: ['endpoint', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers: [this.#registry],
    });
  }

  /** Records a request. */
  request(endpoint: string, status: number, seconds: number): void {
    const group = Math.floor(status / 100);
    const key = `${endpoint}/${group}`;
    let observe = this.#observers.get(key);
    if (!observe) {
      const child = this.#requests.labels({ endpoint, status: `${group}xx` });
      observe = (value) => child.observe(value);
      this.#observers.set(key, observe);
    }
    observe(seconds);
  }

  /** Adds a figure that is read when somebody looks. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** All figures as text, and its content type. */
  async text(): Promise<{ contentType: string; text: string }> {
    const all = Registry.merge([processFigures(), this.#registry]);
    return { contentType: all.contentType, text: await all.metrics() };
  }
}
