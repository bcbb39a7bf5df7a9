/** How much an entry may matter, the least first. */
export const LEVELS = ['INFO', 'ERROR'] as const;

/** How much an entry matters. */
export type Level = (typeof LEVELS)[number];

/** Writes an entry of the log. */
export type Logger = (level: Level, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** One JSON object a line, with the field names of the backend, so both can be read together; nothing below `least`. */
export function createLogger(write: (line: string) => void, least: Level = 'INFO', now = () => new Date()): Logger {
  return (level, message, fields = {}) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) {
      return;
    }
    write(`${JSON.stringify({ time: now().toISOString(), level, message, ...fields })}\n`);
  };
}
