import { describe, expect, it } from 'vitest';
import { Metrics } from './metrics.ts';

const SAMPLE = /^(?<name>[a-z_]+)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;

/** Reads the text format strictly: every line is a comment or a sample of the family announced before it. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type?.[1] !== undefined && type[2] !== undefined) {
      expect(types.has(type[1]), `${type[1]} announced twice`).toBe(false);
      types.set(type[1], type[2]);
    } else if (!/^# HELP \S+ .+$/.test(line)) {
      const { name = '', labels = '', value = '' } = SAMPLE.exec(line)?.groups ?? {};
      const family = [...types.keys()].at(-1);
      expect([family, `${family}_bucket`, `${family}_sum`, `${family}_count`], line).toContain(name);
      const key = labels === '' ? name : `${name}{${labels}}`;
      expect(samples.has(key), `${key} twice`).toBe(false);
      samples.set(key, Number(value));
    }
  }
  return samples;
}

describe('Metrics', () => {
  it('counts requests by method, route and status', () => {
    const metrics = new Metrics();
    metrics.observeRequest('GET', '/', 200, 0.1);
    metrics.observeRequest('GET', '/', 200, 0.1);
    metrics.observeRequest('GET', '/', 404, 0.1);
    metrics.observeRequest('POST', '/nodes/{id}', 405, 0.1);
    const samples = parse(metrics.render());
    expect(samples.get('http_requests_total{method="GET",route="/",status="200"}')).toBe(2);
    expect(samples.get('http_requests_total{method="GET",route="/",status="404"}')).toBe(1);
    expect(samples.get('http_requests_total{method="POST",route="/nodes/{id}",status="405"}')).toBe(1);
  });

  it('sorts durations into cumulative buckets, bounds included', () => {
    const metrics = new Metrics();
    for (const seconds of [0.001, 0.1, 0.26, 60]) {
      metrics.observeRequest('GET', '/', 200, seconds);
    }
    const samples = parse(metrics.render());
    const bucket = (le: string): number | undefined =>
      samples.get(`http_request_duration_seconds_bucket{method="GET",route="/",le="${le}"}`);
    expect(['0.005', '0.075', '0.1', '0.25', '0.35', '10', '+Inf'].map(bucket)).toEqual([1, 1, 2, 2, 3, 3, 4]);
    expect(samples.get('http_request_duration_seconds_count{method="GET",route="/"}')).toBe(4);
    expect(samples.get('http_request_duration_seconds_sum{method="GET",route="/"}')).toBeCloseTo(60.361);
  });

  it('tells about the process in base units', () => {
    const samples = parse(new Metrics().render());
    expect(samples.get('process_cpu_seconds_total')).toBeCloseTo(process.cpuUsage().user / 1e6, 0);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(samples.get('process_start_time_seconds')).toBeCloseTo(Date.now() / 1000 - process.uptime(), 0);
  });

  it('escapes what would break a line', () => {
    const metrics = new Metrics();
    metrics.observeRequest('GET', 'a"b\\c\nd', 200, 0);
    expect(metrics.render()).toContain('route="a\\"b\\\\c\\nd"');
  });
});
