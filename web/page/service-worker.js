// Keeps the page and the network for when there is no connection, and gives the page the isolation that threads need,
// where the host cannot send the headers.

const NAME = `u2bg-${"VERSION"}`;
const SHELL = ["SHELL"];
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

addEventListener("install", (event) => event.waitUntil(fill()));
addEventListener("activate", (event) => event.waitUntil(clear()));
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method === "GET" && url.href.startsWith(registration.scope)) event.respondWith(answer(event));
});

async function fill() {
  const cache = await caches.open(NAME);
  await cache.addAll(SHELL.map((path) => new Request(path, { cache: "no-cache" })));
  await skipWaiting();
}

async function clear() {
  for (const name of await caches.keys()) if (name.startsWith("u2bg-") && name !== NAME) await caches.delete(name);
  await clients.claim();
}

// What is kept, else what the host says: handed on as it comes, and kept from then on where there is room.
async function answer(event) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(event.request, { ignoreSearch: true });
  if (kept) return isolated(kept);
  const fresh = await fetch(event.request);
  if (fresh.status === 200) event.waitUntil(cache.put(event.request, fresh.clone()).catch(() => null));
  return isolated(fresh);
}

function isolated(response) {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATED)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
