import { createContext, useContext } from 'react';
import type { Client } from './api/client.ts';

const ClientContext = createContext<Client | null>(null);

export const ClientProvider = ClientContext.Provider;

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === null) {
    throw new Error('useClient needs a ClientProvider above it');
  }
  return client;
}
