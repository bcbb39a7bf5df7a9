import { createContext, useContext } from 'react';
import type { Client } from './api/client.ts';

const ClientContext = createContext<Client | null>(null);

/** Gives a client to everything inside. */
export const ClientProvider = ClientContext.Provider;

/** The client that a provider above gives. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === null) {
    throw new Error('useClient needs a ClientProvider above it');
  }
  return client;
}
