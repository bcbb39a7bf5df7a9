import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import { StrictMode } from 'react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { FakeBackend } from '../test/fake-backend.ts';
import { installFakeBackend, NODES, problem } from '../test/fake-backend.ts';
import { App } from './app.tsx';
import { navigate } from './router.tsx';

let backend: FakeBackend;

beforeEach(() => {
  backend = installFakeBackend();
});

function open(path: string): ReturnType<typeof userEvent.setup> {
  window.history.replaceState(null, '', path);
  render(<App />);
  return userEvent.setup();
}

function address(): string {
  return window.location.pathname + window.location.search;
}

async function names(): Promise<(string | null)[]> {
  const list = await screen.findByRole('list');
  return within(list)
    .getAllByRole('link')
    .map(({ textContent }) => textContent);
}

async function violations(): Promise<string[]> {
  // jsdom paints nothing: there are no colours to compare, and no canvas to measure letters on.
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null);
  const { violations } = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false } } });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

describe('searching', () => {
  it('begins with all nodes', async () => {
    open('/');
    expect(await names()).toEqual(NODES.map(({ name }) => name));
    expect(screen.getByText('Showing 6 nodes in alphabetical order.')).toBeTruthy();
  });

  it('asks once typing pauses, not at every key, and keeps the words in the address', async () => {
    open('/');
    const field = await screen.findByRole('searchbox', { name: 'Search' });
    for (const text of ['s', 'sp', 'spi', 'spin']) {
      fireEvent.change(field, { target: { value: text } });
    }
    expect(await screen.findByText('1 match for “spin”.')).toBeTruthy();
    expect(await names()).toEqual(['Spinach, raw']);
    expect(backend.requests).toEqual(['/v1/nodes?limit=24', '/v1/search?q=spin&limit=50']);
    expect(address()).toBe('/?q=spin');
  });

  it('asks at once on Enter', async () => {
    const user = open('/');
    await user.type(await screen.findByRole('searchbox'), 'vita{Enter}');
    expect(address()).toBe('/?q=vita');
  });

  it('lets a blank between words stand while more is typed', async () => {
    const user = open('/');
    const field = await screen.findByRole<HTMLInputElement>('searchbox');
    await user.type(field, 'vitamin ');
    await screen.findByText('1 match for “vitamin”.');
    await user.type(field, 'c');
    await screen.findByText('1 match for “vitamin c”.');
    expect(field.value).toBe('vitamin c');
  });

  it('cancels a request that is no longer wanted and never shows its answer', async () => {
    const user = open('/');
    await names();
    let release: (response: Response) => void = () => undefined;
    backend.intercept(({ searchParams }) =>
      searchParams.get('q') === 'iron' ? new Promise((resolve) => (release = resolve)) : null,
    );
    const field = screen.getByRole('searchbox');
    await user.type(field, 'iron{Enter}');
    await waitFor(() => {
      expect(backend.requests.at(-1)).toContain('q=iron');
    });
    const outdated = backend.signals.at(-1);
    await user.clear(field);
    await user.type(field, 'phytate{Enter}');
    release(Response.json({ items: [NODES[0]] }));

    await screen.findByText('1 match for “phytate”.');
    expect(outdated?.aborted).toBe(true);
    expect(await names()).toEqual(['Phytate']);
  });

  it('narrows by kind', async () => {
    const user = open('/');
    await user.selectOptions(await screen.findByRole('combobox', { name: 'Kind' }), 'Foods');
    expect(await screen.findByText('Showing 2 nodes in alphabetical order.')).toBeTruthy();
    expect(address()).toBe('/?kind=food');
    await user.type(screen.getByRole('searchbox'), 'iron');
    expect(await screen.findByText('Nothing is called “iron”. Try a shorter word.')).toBeTruthy();
    expect(address()).toBe('/?q=iron&kind=food');
    await user.selectOptions(screen.getByRole('combobox', { name: 'Kind' }), 'All kinds');
    expect(await screen.findByText('1 match for “iron”.')).toBeTruthy();
  });

  it('shows what the address says, and ignores a kind it does not know', async () => {
    open('/?q=raw&kind=mineral');
    expect(await names()).toEqual(['Lentils, raw', 'Spinach, raw']);
    expect(screen.getByRole<HTMLInputElement>('searchbox').value).toBe('raw');
  });

  it('leafs through pages', async () => {
    backend.intercept(({ pathname, searchParams }) => {
      if (pathname !== '/v1/nodes') {
        return null;
      }
      const first = searchParams.get('after') === null;
      return Response.json({ items: [NODES[first ? 0 : 1]], next_after: first ? 'iron' : null });
    });
    const user = open('/');
    await user.click(await screen.findByRole('link', { name: 'Next page' }));
    expect(await screen.findByRole('link', { name: 'Lentils, raw' })).toBeTruthy();
    expect(address()).toBe('/?after=iron');
    expect(screen.queryByRole('link', { name: 'Next page' })).toBeNull();
    await user.click(screen.getByRole('link', { name: 'First page' }));
    expect(await screen.findByRole('link', { name: 'Iron' })).toBeTruthy();
  });

  it('says when there may be more matches than are shown', async () => {
    backend.intercept(({ pathname }) =>
      pathname === '/v1/search'
        ? Response.json({ items: Array.from({ length: 50 }, (_, index) => ({ ...NODES[0], id: `n${index}` })) })
        : null,
    );
    open('/?q=n');
    expect(await screen.findByText('The first 50 matches for “n”.')).toBeTruthy();
  });

  it('says when there is nothing at all', async () => {
    backend.intercept(({ pathname }) =>
      pathname === '/v1/nodes' ? Response.json({ items: [], next_after: null }) : null,
    );
    open('/');
    expect(await screen.findByText('There are no nodes here.')).toBeTruthy();
  });
});

describe('a node', () => {
  it('shows its relations with weight, unit and source', async () => {
    open('/nodes/iron');
    const table = await screen.findByRole('table', { name: 'Relations' });
    const rows = within(table).getAllByRole('row');
    expect(rows.map((row) => [...row.children].map(({ textContent }) => textContent))).toEqual([
      ['Relation', 'Weight', 'Unit', 'Source'],
      ['Lentils, raw contains Iron', '6.51', 'mg per 100\u00a0g', 'usda-fdc'],
      ['Phytate inhibits the uptake of Iron', '0.7', 'ratio', 'efsa'],
      ['Spinach, raw contains Iron', '2.71', 'mg per 100\u00a0g', 'usda-fdc'],
    ]);
    expect(screen.getByText('3 neighbours, 4 relations.')).toBeTruthy();
    expect(
      within(screen.getByRole('table', { name: 'Relations among the neighbours' })).getAllByRole('row'),
    ).toHaveLength(2);
    expect(screen.getByText('Carries oxygen.')).toBeTruthy();
    expect(document.title).toBe('Iron · Vitalyst');
  });

  it('writes large weights and micrograms as people do', async () => {
    open('/nodes/vitamin-c');
    expect(await screen.findByRole('cell', { name: '28,100.5' })).toBeTruthy();
    expect(screen.getByRole('cell', { name: 'µg per 100\u00a0g' })).toBeTruthy();
  });

  it('looks further on demand, and keeps that in the address', async () => {
    const user = open('/nodes/vitamin-c');
    await screen.findByText('1 neighbour, 1 relation.');
    await user.selectOptions(screen.getByRole('combobox', { name: 'Depth' }), '2 steps');
    expect(await screen.findByText('2 neighbours, 2 relations.')).toBeTruthy();
    expect(address()).toBe('/nodes/vitamin-c?depth=2');
    expect(screen.getByRole('heading', { name: /Vitamin C/ })).toBeTruthy();
  });

  it('says when nothing is connected to it', async () => {
    open('/nodes/usda-fdc');
    expect(await screen.findByText('No relation leads from here to another node.')).toBeTruthy();
    expect(screen.queryByRole('table')).toBeNull();
  });

  it('says when it does not show everything', async () => {
    backend.intercept(({ pathname }) =>
      pathname.endsWith('/neighbours')
        ? Response.json({ neighbours: [{ node: NODES[0], depth: 0 }], relations: [], truncated: true })
        : null,
    );
    open('/nodes/iron');
    expect(await screen.findByText(/There are more than are shown\./)).toBeTruthy();
  });
});

describe('the graph', () => {
  it('names its nodes for those who do not see it, and draws each fact once', async () => {
    open('/nodes/iron');
    const graph = await screen.findByRole('group', { name: /Graph around Iron: 4 nodes/ });
    const links = within(graph).getAllByRole('link');
    expect(links.map((link) => link.getAttribute('aria-label'))).toEqual([
      'Iron, Nutrient',
      'Lentils, raw, Food',
      'Phytate, Compound',
      'Spinach, raw, Food',
    ]);
    expect(links.map((link) => link.getAttribute('aria-current'))).toEqual(['page', null, null, null]);
    expect(graph.querySelectorAll('path.edge')).toHaveLength(4);
  });

  it('is one stop for Tab, and its arrow keys go from node to node', async () => {
    const user = open('/nodes/iron');
    const graph = await screen.findByRole('group', { name: /Graph around/ });
    screen.getByRole('combobox', { name: 'Depth' }).focus();
    const focused = (): string | null | undefined => document.activeElement?.getAttribute('aria-label');

    await user.tab();
    expect(focused()).toBe('Iron, Nutrient');
    const path: (string | null | undefined)[] = [];
    for (const key of [
      'ArrowUp',
      'ArrowRight',
      'ArrowRight',
      'ArrowRight',
      'ArrowLeft',
      'ArrowDown',
      'ArrowUp',
      'Home',
    ]) {
      await user.keyboard(`{${key}}`);
      path.push(focused());
    }
    const [lentils, phytate, spinach] = ['Lentils, raw, Food', 'Phytate, Compound', 'Spinach, raw, Food'];
    expect(path.slice(1, 5).sort()).toEqual([lentils, phytate, spinach, path[4]].sort());
    expect(path[3]).toBe(path[0]);
    expect([path[5], path[7]]).toEqual(['Iron, Nutrient', 'Iron, Nutrient']);
    expect(
      within(graph)
        .getAllByRole('link')
        .filter((link) => link.getAttribute('tabindex') === '0'),
    ).toHaveLength(1);

    await user.keyboard('{ArrowUp}{Tab}');
    expect(graph.contains(document.activeElement)).toBe(false);
  });

  it('opens a node, and gives the focus to its heading', async () => {
    const user = open('/nodes/spinach-raw');
    const graph = await screen.findByRole('group', { name: /Graph around/ });
    await user.click(within(graph).getByRole('link', { name: 'Vitamin C, Nutrient' }));
    const heading = await screen.findByRole('heading', { level: 1, name: /Vitamin C/ });
    expect(address()).toBe('/nodes/vitamin-c');
    expect(document.activeElement).toBe(heading);
  });

  it('brings out the relations of the node in focus', async () => {
    open('/nodes/iron');
    const graph = await screen.findByRole('group', { name: /Graph around/ });
    expect(graph.querySelectorAll('.touched')).toHaveLength(3);
    within(graph).getByRole('link', { name: 'Spinach, raw, Food' }).focus();
    await waitFor(() => {
      expect(graph.querySelectorAll('.touched')).toHaveLength(1);
    });
  });
});

describe('going from page to page', () => {
  it('follows links and the back button without loading anew', async () => {
    const user = open('/?q=raw');
    await user.click(await screen.findByRole('link', { name: 'Spinach, raw' }));
    await screen.findByRole('heading', { level: 1, name: /Spinach, raw/ });
    expect(address()).toBe('/nodes/spinach-raw');
    window.history.back();
    expect(await screen.findByText('2 matches for “raw”.')).toBeTruthy();
    expect(screen.getByRole<HTMLInputElement>('searchbox').value).toBe('raw');
  });

  it('leaves a click for a new tab to the browser', async () => {
    const user = open('/');
    const link = await screen.findByRole('link', { name: 'Iron' });
    const prevented = vi.fn();
    window.addEventListener(
      'click',
      (event) => {
        prevented(event.defaultPrevented);
        event.preventDefault(); // jsdom cannot navigate.
      },
      { once: true },
    );
    await user.keyboard('{Control>}');
    await user.click(link);
    expect(prevented).toHaveBeenCalledWith(false);
    expect(address()).toBe('/');
  });

  it('has a page for addresses that are none', async () => {
    const user = open('/no/such/page');
    expect(await screen.findByRole('heading', { name: 'Page not found' })).toBeTruthy();
    await user.click(screen.getByRole('link', { name: 'Search the graph' }));
    expect(await screen.findByRole('searchbox')).toBeTruthy();
  });
});

describe('failures', () => {
  it('are shown in the words of the backend', async () => {
    open('/nodes/nowhere');
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('Node not found');
    expect(alert.textContent).toContain('there is no node `nowhere`');
  });

  it('do not stand under the title of the page before', async () => {
    open('/nodes/iron');
    await screen.findByRole('heading', { level: 1, name: /Iron/ });
    act(() => {
      navigate('/nodes/nowhere');
    });
    await screen.findByRole('alert');
    expect(document.title).toBe('Vitalyst');
  });

  it('can be tried again', async () => {
    backend.intercept(({ pathname }) =>
      pathname.endsWith('/neighbours') ? problem(503, 'Database unavailable', 'it is starting') : null,
    );
    const user = open('/nodes/iron');
    expect((await screen.findByRole('alert')).textContent).toContain('it is starting');
    expect(screen.getByRole('heading', { level: 1, name: /Iron/ })).toBeTruthy();
    backend.intercept(null);
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByRole('table', { name: 'Relations' })).toBeTruthy();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('include a server that does not say where the backend is', async () => {
    backend.intercept(({ pathname }) => (pathname === '/config.json' ? new Response(null, { status: 500 }) : null));
    const user = open('/');
    await screen.findByRole('alert');
    backend.intercept(null);
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await names()).toHaveLength(NODES.length);
  });

  it('show that something is being waited for', () => {
    open('/');
    expect(screen.getByRole('status').textContent).toBe('Loading the configuration…');
  });
});

describe('for everyone', () => {
  it('announces what happens in one line that stays in place', async () => {
    open('/');
    await screen.findByText('Showing 6 nodes in alphabetical order.');
    const line = screen.getAllByRole('status').at(-1);
    const said: (string | null | undefined)[] = [];
    const observer = new MutationObserver(() => said.push(line?.textContent));
    observer.observe(line ?? document, { childList: true, characterData: true, subtree: true });
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'iron' } });
    await screen.findByText('1 match for “iron”.');
    observer.disconnect();
    expect(said).toEqual(['Loading nodes…', '1 match for “iron”.']);
  });

  it.each([
    ['the search page', '/', () => screen.findByRole('list')],
    ['a node', '/nodes/iron', () => screen.findByRole('table', { name: 'Relations' })],
    ['a failure', '/nodes/nowhere', () => screen.findByRole('alert')],
    ['an unknown page', '/no/such/page', () => screen.findByRole('heading')],
  ])('%s keeps the rules of accessibility that a machine can check', async (_, path, loaded) => {
    open(path);
    await loaded();
    expect(await violations()).toEqual([]);
  });

  it('works when React mounts everything twice, as it does in development', async () => {
    window.history.replaceState(null, '', '/nodes/iron');
    render(<App />, { wrapper: StrictMode });
    expect(await screen.findByRole('table', { name: 'Relations' })).toBeTruthy();
    expect(backend.signals.filter(({ aborted }) => !aborted)).toHaveLength(2);
  });
});
