/**
 * Load test with k6: people open the page, leaf through nodes or search for one, open it and look around it.
 *
 *   cargo xtask perf                        starts backend and frontend, compares them with the base, judges
 *   k6 run performance/load-tests.js        against a backend that runs already
 *
 * How much, for how long, and what has to hold, `[perf]` of xtask.toml says; it comes in variables:
 *   BASE_URL          the backend under test                             (http://localhost:8000)
 *   FRONTEND_URL      the frontend under test; without it no page is opened
 *   JOURNEY_RATE      journeys begun a second, of each kind, at first     (5)
 *   JOURNEY_RATE_MAX  the same at the end                                 (JOURNEY_RATE)
 *   DURATION          how long journeys are begun                         (30s)
 *   THRESHOLDS        k6's option `thresholds`, as JSON                   (none)
 *
 * k6 exits with 99 when a threshold is crossed.
 */

import { check, fail, sleep } from 'k6';
import http from 'k6/http';

const BASE_URL = (__ENV.BASE_URL || 'http://localhost:8000').replace(/\/+$/, '');
const FRONTEND_URL = (__ENV.FRONTEND_URL || '').replace(/\/+$/, '');
const RATE = Number(__ENV.JOURNEY_RATE || 5);
const RATE_MAX = Number(__ENV.JOURNEY_RATE_MAX || RATE);
const DURATION = __ENV.DURATION || '30s';

/** Journeys begin at a given rate, whether the backend keeps up or not: slow answers must not lighten the load. */
function scenario(exec) {
  return {
    executor: 'ramping-arrival-rate',
    exec,
    startRate: RATE,
    timeUnit: '1s',
    stages: [{ target: RATE_MAX, duration: DURATION }],
    preAllocatedVUs: RATE_MAX * 2,
    maxVUs: RATE_MAX * 20,
  };
}

export const options = {
  scenarios: { browse: scenario('browse'), search: scenario('search') },
  thresholds: JSON.parse(__ENV.THRESHOLDS || '{}'),
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
  arrive();
  openPage();
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
  arrive();
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

/**
 * k6 begins journeys at equal distances, and people come whenever they like. Of two servers that are asked at the same time, the one
 * whose turn always comes a moment later would always wait for the other.
 */
function arrive() {
  sleep(Math.random() / RATE);
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

/** The page with everything that it links to, as a browser loads it that was never here. */
function openPage() {
  if (FRONTEND_URL === '') {
    return;
  }
  const page = http.get(`${FRONTEND_URL}/`, { tags: { endpoint: 'page', name: 'page' } });
  const linked = Array.from(String(page.body).matchAll(/(?:src|href)="(\/[^"]+)"/g), ([, path]) => path);
  check(page, {
    'opens the page': ({ status }) => status === 200,
    'links its script': () => linked.some((path) => path.endsWith('.js')),
  });
  const asset = (path) => ['GET', `${FRONTEND_URL}${path}`, null, { tags: { endpoint: 'asset', name: 'asset' } }];
  const answers = http.batch([...linked, '/config.json'].map(asset));
  check(answers, { 'loads what the page links to': (all) => all.every(({ status }) => status === 200) });
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
