// @ts-check
/**
 * The service worker: keeps this build's files, so that the page works without a network after the first visit.
 *
 * Files are kept by the SHA-256 that the build wrote below, and checked against it when they come. A page therefore runs files of
 * one build alone: a new build is fetched whole by its own service worker, which takes over when no page of the old one is open.
 */

/** Where the files lie below the page, and the SHA-256 of each; both are put in by the build. */
const BASE = "";
/** @type {Record<string, string>} */
const FILES = {};

const KEPT = "reelballers-files";
const AT_ONCE = 6;
/** Not fetched ahead: what few people open, and what no page asks for. It is kept once it was used. */
const ON_USE = /^(bench|demo\/|protocol\.d\.ts$)/;

const worker = /** @type {any} */ (globalThis);

worker.addEventListener("install", event => event.waitUntil(fetchAll()));
worker.addEventListener("activate", event => event.waitUntil(sweep()));
worker.addEventListener("message", event => event.data === "take over" && event.waitUntil(takeOver()));
worker.addEventListener("fetch", event => {
  const { request } = event;
  const name = nameOf(request.url);
  if (request.method === "GET" && name in FILES && !request.headers.has("range")) event.respondWith(answer(request, FILES[name]));
});

/** A file's name in FILES; "" for what is none of them. @param {string} address */
function nameOf(address) {
  const { origin, pathname } = new URL(address);
  const scope = new URL(worker.registration.scope);
  if (origin !== scope.origin || !pathname.startsWith(scope.pathname)) return "";
  const path = decodeURI(pathname.slice(scope.pathname.length));
  if (path === "" || path === "index.html") return "index.html";
  return path.startsWith(BASE) ? path.slice(BASE.length) : "";
}

/** @param {string} name */
const addressOf = name => new URL(name === "index.html" ? "./" : BASE + name, worker.registration.scope).href;
/** @param {string} sha256 */
const keyOf = sha256 => new URL(`@${sha256}`, worker.registration.scope).href;

async function fetchAll() {
  const cache = await caches.open(KEPT);
  const left = Object.keys(FILES).filter(name => !ON_USE.test(name));
  const lane = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (await cache.match(keyOf(FILES[name]))) continue;
      await keep(cache, FILES[name], await fetch(addressOf(name), { cache: "no-cache" }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** @param {Request} request @param {string} sha256 */
async function answer(request, sha256) {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(keyOf(sha256));
  if (kept) return kept;
  const found = await fetch(request);
  if (!found.ok) return found;
  try {
    return await keep(cache, sha256, found);
  } catch (error) {
    worker.registration.update().catch(() => {});
    return new Response(String(error), { status: 409, statusText: "Another version" });
  }
}

/** What came, once it is this build's; kept for the next time. @param {Cache} cache @param {string} sha256 @param {Response} found */
async function keep(cache, sha256, found) {
  const body = await found.arrayBuffer();
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  if (!found.ok || [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("") !== sha256) throw new Error(`${found.url} is not of this version of the page (${found.status}).`);
  const headers = new Headers(found.headers);
  for (const name of ["content-encoding", "content-length", "vary"]) headers.delete(name); // the body is unpacked by now
  const whole = new Response(body, { headers });
  await cache.put(keyOf(sha256), whole.clone());
  return whole;
}

/** Drops what belongs to no file of this build. */
async function sweep() {
  const cache = await caches.open(KEPT);
  const ours = new Set(Object.values(FILES).map(keyOf));
  for (const { url } of await cache.keys()) if (!ours.has(url)) await cache.delete(url);
}

/** Becomes the page's service worker now, unless another page still runs the build before. */
async function takeOver() {
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (pages.length <= 1) await worker.skipWaiting();
}
