import { Faults } from "../config/faults";
import { ask } from "./answers";

/** Of all kinds, so that the digest is that of the tag itself: of an index where the image has several platforms. */
const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * The digest that an image's tag has in its registry now: `sha256:...`. Asked without a login, as for a public image.
 *
 * @param image without a digest; Docker Hub's where its name has no registry.
 * @throws Faults where it can't be had.
 */
export async function imageDigest(image: string): Promise<string> {
  const { origin, name, tag } = addressOf(image);
  const url = new URL(`${origin}/v2/${name}/manifests/${tag}`);
  const first = await ask(url, { method: "HEAD", headers: { accept: MANIFESTS } });
  const token = first.status === 401 ? await tokenFor(first.headers.get("www-authenticate") ?? "") : undefined;
  const headers = { accept: MANIFESTS, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const response = token === undefined ? first : await ask(url, { method: "HEAD", headers });
  const digest = response.headers.get("docker-content-digest") ?? "";
  if (response.ok && /^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw new Faults("the image", [
    `${url.origin}: found ${response.ok ? "an answer without a digest" : `the answer ${response.status}`} for ${image}, wanted its digest; check the image's name, and that it needs no login`,
  ]);
}

function addressOf(image: string): { readonly origin: string; readonly name: string; readonly tag: string } {
  const [, bare = "", tag = "latest"] = /^(.+?)(?::([\w.-]+))?$/.exec(image) ?? [];
  const [first = "", ...rest] = bare.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  if (!isHost || first === "docker.io") {
    const path = isHost ? rest.join("/") : bare;
    return { origin: "https://registry-1.docker.io", name: path.includes("/") ? path : `library/${path}`, tag };
  }
  // Like docker, which asks its own machine without TLS.
  const scheme = isLocal(first) ? "http" : "https";
  return { origin: `${scheme}://${first}`, name: rest.join("/"), tag };
}

function isLocal(host: string): boolean {
  return /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host);
}

/** What a registry gives to everybody; undefined where it doesn't say whom to ask. */
async function tokenFor(challenge: string): Promise<string | undefined> {
  const parameters = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
  );
  const { realm, service, scope } = parameters;
  if (!/^Bearer /i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.protocol !== "https:" && !isLocal(url.host)) return undefined;
  for (const [key, value] of Object.entries({ service, scope }))
    if (value !== undefined) url.searchParams.set(key, value);
  const response = await ask(url);
  const answer: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
  const { token, access_token } = (answer ?? {}) as { readonly token?: unknown; readonly access_token?: unknown };
  return [token, access_token].find((value) => typeof value === "string");
}
