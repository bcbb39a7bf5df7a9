import { describe, expect, it } from 'vitest';
import { matchRoute, nodePath } from './routes.ts';

describe('matchRoute', () => {
  it.each(['iron', 'a b', 'a/b', 'ä%?#', '..'])('finds the node "%s" again under its own path', (id) => {
    expect(matchRoute(nodePath(id))).toEqual({ page: 'node', pattern: '/nodes/{id}', id });
  });

  it('knows the search page', () => {
    expect(matchRoute('/')).toEqual({ page: 'search', pattern: '/' });
  });

  it.each(['', '/nodes', '/nodes/', '/nodes/iron/', '/nodes/a/b', '/nodes/%', '/nodes/%ff', '/other', '//'])(
    'has no page at "%s"',
    (path) => {
      expect(matchRoute(path).page).toBe('unknown');
    },
  );
});
