import { Faults } from "../config/faults";

/** How long somebody on the network may take to answer, in milliseconds. */
const PATIENCE = 20_000;

/** Asks over HTTP. @throws Faults where nobody answers in time, with whom and why */
export async function ask(url: URL, options: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...options, signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new Faults("the answers", [`${url.origin}: found no answer (${why}); wanted to be able to ask it from here`]);
  }
}
