/** How much an entry matters. */
export type Level = 'INFO' | 'ERROR';

/** Writes an entry of the log. */
export type Logger = (level: Level, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** One JSON object a line, with the field names of the backend, so both can be read together. */
export function createLogger(write: (line: string) => void, now: () => Date = () => new Date()): Logger {
  return (level, message, fields = {}) => {
    write(`${JSON.stringify({ time: now().toISOString(), level, message, ...fields })}\n`);
  };
}
