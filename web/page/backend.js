// The back end of this page: this device. The same shape as the server's, src/u2bg/server/page/backend.js.

import { cutOut, preload } from "../u2bg/index.js";

export const about = "Your photos stay on this device: they are cut here, in the browser. Once loaded, it works without a connection.";
export const links = [];

export const removeBackground = (photo, { keep = null, erase = null, signal, progress } = {}) => cutOut(photo, { keep, erase, signal, progress });

// The service worker first, so that what is fetched for the first photo is kept for when there is no connection.
async function prepare() {
  if ("serviceWorker" in navigator) {
    await navigator.serviceWorker.register("service-worker.js").catch(() => null);
    if (!navigator.serviceWorker.controller) {
      await Promise.race([new Promise((go) => navigator.serviceWorker.addEventListener("controllerchange", go, { once: true })), new Promise((go) => setTimeout(go, 3000))]);
    }
  }
  document.documentElement.dataset.network = await preload().catch(() => "");
}

prepare();
