/**
 * Load test of the graph API with k6: people leaf through nodes or search for one, open it and look around it.
 *
 *   k6 run performance/load-tests.js
 *
 * Environment:
 *   BASE_URL      the backend under test              (http://localhost:8000)
 *   JOURNEY_RATE  journeys begun a second, of each kind (5)
 *   DURATION      how long journeys are begun          (30s)
 *   RESULTS       file that the figures go to          (performance-results.json)
 *
 * k6 exits with 99 when an objective is missed.
 */

import { check, fail, sleep } from 'k6';
import http from 'k6/http';

const BASE_URL = (__ENV.BASE_URL || 'http://localhost:8000').replace(/\/+$/, '');
const JOURNEY_RATE = Number(__ENV.JOURNEY_RATE || 5);
const DURATION = __ENV.DURATION || '30s';
const RESULTS = __ENV.RESULTS || 'performance-results.json';

/** Milliseconds. Walking the graph may take longer than fetching one row of it. */
const OBJECTIVES = {
  list: ['p(95)<300', 'p(99)<800'],
  search: ['p(95)<300', 'p(99)<800'],
  node: ['p(95)<200', 'p(99)<500'],
  neighbours: ['p(95)<500', 'p(99)<1000'],
};

/** Journeys begin at a fixed rate, whether the backend keeps up or not: slow answers must not lighten the load. */
function scenario(exec) {
  return {
    executor: 'constant-arrival-rate',
    exec,
    rate: JOURNEY_RATE,
    timeUnit: '1s',
    duration: DURATION,
    preAllocatedVUs: JOURNEY_RATE * 2,
    maxVUs: JOURNEY_RATE * 20,
  };
}

export const options = {
  scenarios: { browse: scenario('browse'), search: scenario('search') },
  thresholds: {
    checks: ['rate>0.99'],
    http_req_failed: ['rate<0.01'],
    // A journey that could not begin was not measured: the figures would flatter.
    dropped_iterations: ['count==0'],
    ...Object.fromEntries(
      Object.entries(OBJECTIVES).map(([endpoint, limits]) => [`http_req_duration{endpoint:${endpoint}}`, limits]),
    ),
  },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
};

/** Reads what there is to ask for, so that the test fits whatever graph is loaded. */
export function setup() {
  const response = http.get(`${BASE_URL}/v1/nodes?limit=200`);
  if (response.status !== 200) {
    fail(`${BASE_URL} does not list its nodes: status ${response.status} ${response.error}`);
  }
  const nodes = response.json('items');
  if (nodes.length === 0) {
    fail(`the graph at ${BASE_URL} is empty: load data into it first`);
  }
  return nodes.map(({ id, kind, name }) => ({ id, kind, name }));
}

export function browse(nodes) {
  const { kind } = pick(nodes);
  const page = get('list', `/v1/nodes?kind=${kind}&limit=24`, {
    'lists nodes of the kind': ({ items }) => items.length > 0 && items.every((item) => item.kind === kind),
  });
  think();
  if (page !== null) {
    lookAround(pick(page.items).id);
  }
}

export function search(nodes) {
  const wanted = pick(nodes);
  // What somebody has typed when the explorer asks: the beginning of a name.
  const text = wanted.name.slice(0, 3 + Math.floor(Math.random() * 4)).trim();
  const found = get('search', `/v1/search?q=${encodeURIComponent(text)}&limit=50`, {
    'finds nodes by a part of the name': ({ items }) => items.length > 0,
  });
  think();
  if (found !== null) {
    lookAround(pick(found.items).id);
  }
}

function lookAround(id) {
  get('node', `/v1/nodes/${id}`, { 'opens the node that was asked for': (node) => node.id === id });
  const depth = Math.random() < 0.7 ? 1 : 2;
  get('neighbours', `/v1/nodes/${id}/neighbours?depth=${depth}`, {
    'begins a neighbourhood with its root': ({ neighbours }) => neighbours[0].node.id === id,
    'goes no deeper than asked': ({ neighbours }) => neighbours.every((neighbour) => neighbour.depth <= depth),
  });
  think();
}

/** Returns the body if the request succeeded and its checks hold, null otherwise: the journey ends there. */
function get(endpoint, path, checks) {
  // Requests share a name by endpoint, or every node would make series of its own.
  const response = http.get(`${BASE_URL}${path}`, { tags: { endpoint, name: endpoint } });
  const body = response.status === 200 ? response.json() : null;
  const outcome = Object.entries(checks).map(([name, holds]) => [name, () => body !== null && holds(body)]);
  return check(response, Object.fromEntries(outcome)) ? body : null;
}

function pick(items) {
  return items[Math.floor(Math.random() * items.length)];
}

function think() {
  sleep(0.1 + Math.random() * 0.4);
}

export function handleSummary({ metrics, state }) {
  const objectives = Object.entries(metrics).flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds).map(([objective, { ok }]) => ({ metric, objective, ok })),
  );
  const endpoints = Object.keys(OBJECTIVES).map((endpoint) => [
    endpoint,
    latency(metrics[`http_req_duration{endpoint:${endpoint}}`]),
  ]);
  const journeys = metrics.iterations?.values.count ?? 0;
  const results = {
    base_url: BASE_URL,
    passed: journeys > 0 && objectives.every(({ ok }) => ok),
    duration_seconds: state.testRunDurationMs / 1000,
    journeys,
    journeys_dropped: metrics.dropped_iterations?.values.count ?? 0,
    requests: metrics.http_reqs?.values.count ?? 0,
    requests_per_second: metrics.http_reqs?.values.rate ?? 0,
    failed_rate: metrics.http_req_failed?.values.rate ?? null,
    checks_rate: metrics.checks?.values.rate ?? null,
    latency_ms: latency(metrics.http_req_duration),
    endpoints: Object.fromEntries(endpoints),
    objectives,
  };
  return { [RESULTS]: `${JSON.stringify(results, null, 2)}\n`, stdout: report(results) };
}

/** k6 makes zeros of what it has no samples of, and objectives hold for zeros: none may pass for a measurement. */
function latency(metric) {
  if (metric === undefined || metric.values.max === 0) {
    return null;
  }
  const { avg, med, max, 'p(95)': p95, 'p(99)': p99 } = metric.values;
  return { avg, med, p95, p99, max };
}

function report({ journeys, requests, requests_per_second: rate, endpoints, objectives, passed }) {
  const rows = Object.entries(endpoints).map(([endpoint, measured]) =>
    measured === null
      ? `  ${endpoint.padEnd(12)} not measured`
      : `  ${endpoint.padEnd(12)} p95 ${measured.p95.toFixed(1)} ms, p99 ${measured.p99.toFixed(1)} ms`,
  );
  const missed = objectives.filter(({ ok }) => !ok).map(({ metric, objective }) => `  missed: ${metric} ${objective}`);
  return [
    `${journeys} journeys, ${requests} requests, ${rate.toFixed(1)} a second`,
    ...rows,
    ...missed,
    passed ? 'all objectives are met' : 'not all objectives are met',
    '',
  ].join('\n');
}
