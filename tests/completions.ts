import { expect, vi } from "vitest";

interface Endpoint {
  readonly address: string;
  /** @default 8000 */
  readonly port?: number;
}

/** The body of a request but for its prompt. */
type Request = { readonly model: string } & Readonly<Record<string, unknown>>;

/** What a server answers who asks for a completion: `STATUS BODY`. @throws where no answer comes within so many seconds */
export async function complete(endpoint: Endpoint | undefined, request: Request, seconds = 20): Promise<string> {
  const answer = await fetch(`http://${endpoint?.address}:${endpoint?.port ?? 8000}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "Hello", ...request }),
    signal: AbortSignal.timeout(seconds * 1000),
  });
  return `${answer.status} ${await answer.text()}`;
}

/** Waits until a completion is answered, for at most so many seconds. */
export function untilServed(ask: () => Promise<string>, seconds: number, everySeconds = 0.5): Promise<void> {
  const pace = { timeout: seconds * 1000, interval: everySeconds * 1000 };
  return vi.waitFor(async () => expect(await ask()).toMatch(/^200 /), pace);
}
