import type { AnchorHTMLAttributes, MouseEvent, ReactNode } from 'react';
import { useSyncExternalStore } from 'react';

/** A router in one page: the address bar is the state, and this module is the only one that writes to it. */

const CHANGED = 'vitalyst:navigated';

/** Replacing keeps the history short where every keystroke would otherwise leave an entry. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) {
    window.history.replaceState(null, '', to);
  } else {
    window.history.pushState(null, '', to);
    window.scrollTo(0, 0);
  }
  window.dispatchEvent(new Event(CHANGED));
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('popstate', onChange);
  window.addEventListener(CHANGED, onChange);
  return () => {
    window.removeEventListener('popstate', onChange);
    window.removeEventListener(CHANGED, onChange);
  };
}

/** The address of the page, anew whenever it changes. */
export function useAddress(): { readonly pathname: string; readonly search: URLSearchParams } {
  // One string, because a snapshot must be equal as long as nothing changed.
  const address = useSyncExternalStore(subscribe, () => window.location.pathname + window.location.search);
  const [pathname = '/', search = ''] = address.split('?', 2);
  return { pathname, search: new URLSearchParams(search) };
}

/** Follows a plain click inside the page; new tabs, new windows and downloads stay the browser's business. */
export function followLink(event: MouseEvent, to: string): void {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (plain) {
    event.preventDefault();
    navigate(to);
  }
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  readonly to: string;
  readonly children: ReactNode;
}

/** A link that stays inside the page where a plain click follows it. */
export function Link({ to, children, ...attributes }: LinkProps): ReactNode {
  return (
    <a
      {...attributes}
      href={to}
      onClick={(event) => {
        followLink(event, to);
      }}
    >
      {children}
    </a>
  );
}
