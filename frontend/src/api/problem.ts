/** Why there is no answer, in words fit for the page. The server's own (RFC 9457) come first. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly title: string;
  readonly detail: string;
  /** The HTTP status; null when no answer came. */
  readonly status: number | null;

  constructor(title: string, detail: string, status: number | null) {
    super(`${title}: ${detail}`);
    this.title = title;
    this.detail = detail;
    this.status = status;
  }

  /** What an answer that is no success says. */
  static async of(response: Response): Promise<Problem> {
    const body: unknown = await response.json().catch(() => null);
    const { title, detail } = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
    return new Problem(
      text(title) ?? 'The server could not answer',
      text(detail) ?? `It answered with status ${response.status}.`,
      response.status,
    );
  }

  /** Whatever was thrown, as a problem. */
  static from(error: unknown): Problem {
    return error instanceof Problem ? error : new Problem('Something went wrong', String(error), null);
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
