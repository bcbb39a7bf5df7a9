/** The few metrics of this server in the Prometheus text format, under the names and with the buckets of the backend. */

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;

/** Seconds; dense from 0.1 to 1, where the objectives lie. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1, 2.5, 5, 10] as const;

interface Observations {
  readonly labels: Labels;
  readonly cumulative: number[];
  sum: number;
  count: number;
}

/** What was counted since the start, as Prometheus asks for it. */
export class Metrics {
  readonly #requests = new Map<string, { readonly labels: Labels; value: number }>();
  readonly #durations = new Map<string, Observations>();

  /** Counts a request that was answered after so many seconds. */
  observeRequest(method: string, route: string, status: number, seconds: number): void {
    const counted = { method, route, status: String(status) };
    const counter = entry(this.#requests, counted, (labels) => ({ labels, value: 0 }));
    counter.value += 1;

    const timed = entry(this.#durations, { method, route }, (labels) => ({
      labels,
      cumulative: BUCKETS.map(() => 0),
      sum: 0,
      count: 0,
    }));
    timed.sum += seconds;
    timed.count += 1;
    BUCKETS.forEach((bound, index) => {
      if (seconds <= bound) {
        timed.cumulative[index] = (timed.cumulative[index] ?? 0) + 1;
      }
    });
  }

  /** All series in the text format of Prometheus. */
  render(): string {
    const cpu = process.cpuUsage();
    const lines = [
      ...header('http_requests_total', 'counter', 'HTTP requests answered.'),
      ...[...this.#requests.values()].map(({ labels, value }) => sample('http_requests_total', labels, value)),
      ...header('http_request_duration_seconds', 'histogram', 'Time from request to complete response.'),
      ...[...this.#durations.values()].flatMap(histogramSamples),
      ...header('process_cpu_seconds_total', 'counter', 'User and system CPU time spent.'),
      sample('process_cpu_seconds_total', {}, (cpu.user + cpu.system) / 1e6),
      ...header('process_resident_memory_bytes', 'gauge', 'Resident memory size.'),
      sample('process_resident_memory_bytes', {}, process.memoryUsage.rss()),
      ...header('process_start_time_seconds', 'gauge', 'Start time since the Unix epoch.'),
      sample('process_start_time_seconds', {}, PROCESS_START_SECONDS),
    ];
    return `${lines.join('\n')}\n`;
  }
}

const PROCESS_START_SECONDS = performance.timeOrigin / 1000;

function entry<Value>(map: Map<string, Value>, labels: Labels, create: (labels: Labels) => Value): Value {
  const key = renderLabels(labels);
  const known = map.get(key);
  if (known !== undefined) {
    return known;
  }
  const created = create(labels);
  map.set(key, created);
  return created;
}

function histogramSamples({ labels, cumulative, sum, count }: Observations): string[] {
  const name = 'http_request_duration_seconds';
  return [
    ...BUCKETS.map((bound, index) =>
      sample(`${name}_bucket`, { ...labels, le: String(bound) }, cumulative[index] ?? 0),
    ),
    sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
    sample(`${name}_sum`, labels, sum),
    sample(`${name}_count`, labels, count),
  ];
}

function header(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function sample(name: string, labels: Labels, value: number): string {
  return `${name}${renderLabels(labels)} ${value}`;
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
