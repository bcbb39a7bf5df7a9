import type { ReactNode } from 'react';
import { useEffect, useRef } from 'react';

/**
 * The heading of a page that was navigated to. It takes the focus, as a browser would do on loading a page: otherwise a
 * keyboard stays where the vanished link was, and a screen reader says nothing.
 */
export function PageHeading({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Vitalyst`;
    heading.current?.focus({ preventScroll: true });
    return () => {
      document.title = 'Vitalyst'; // The next page may never get as far as a title.
    };
  }, [title]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {title} {children}
    </h1>
  );
}
