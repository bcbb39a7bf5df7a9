import type { ReactNode } from 'react';
import { matchRoute } from '../common/routes.ts';
import { loadClient } from './api/client.ts';
import { ClientProvider } from './client-context.ts';
import { PageHeading } from './components/page-heading.tsx';
import { Loaded } from './components/states.tsx';
import { NodePage } from './pages/node-page.tsx';
import { SearchPage } from './pages/search-page.tsx';
import { Link, useAddress } from './router.tsx';
import { useResource } from './use-resource.ts';

/** The application: a header, and the page that the address names. */
export function App(): ReactNode {
  const { resource, retry } = useResource(loadClient);
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header>
        <Link to="/" className="brand">
          Vitalyst
        </Link>
        <span>Nutrition knowledge graph</span>
      </header>
      <main id="main" tabIndex={-1}>
        <Loaded resource={resource} what="the configuration" onRetry={retry}>
          {(client) => (
            <ClientProvider value={client}>
              <CurrentPage />
            </ClientProvider>
          )}
        </Loaded>
      </main>
    </>
  );
}

function CurrentPage(): ReactNode {
  const { pathname } = useAddress();
  const route = matchRoute(pathname);
  switch (route.page) {
    case 'search':
      return <SearchPage />;
    case 'node':
      return <NodePage key={route.id} id={route.id} />;
    case 'unknown':
      return (
        <>
          <PageHeading title="Page not found" />
          <p>
            There is nothing at this address. <Link to="/">Search the graph</Link> instead.
          </p>
        </>
      );
  }
}
