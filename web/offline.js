// @ts-check
/** The page's end of sw.js: makes the page work without a network, and sees to it that a new build is used whole. */

/** @type {Promise<ServiceWorkerRegistration> | null} */
let registering = null;

/**
 * Has this build's files kept. To be called when the page has nothing more urgent to fetch; again does nothing.
 * @param {() => void} updated Called when a new build has been fetched; the next visit uses it.
 */
export function keepOffline(updated) {
  if (registering || !("serviceWorker" in navigator)) return; // plain http from another machine has none
  if (/** @type {any} */ (navigator).connection?.saveData) return;
  registering = navigator.serviceWorker.register(new URL("./sw.js", location.href), { updateViaCache: "none" });
  registering.then(
    registration => {
      if (!registration) return; // a browser told to block workers may answer so
      if (registration.waiting && navigator.serviceWorker.controller) updated();
      const watch = (/** @type {ServiceWorker | null} */ next) => {
        const told = () => next?.state === "installed" && navigator.serviceWorker.controller && updated();
        next?.addEventListener("statechange", told);
      };
      watch(registration.installing);
      registration.addEventListener("updatefound", () => watch(registration.installing));
    },
    error => console.warn("The page cannot be kept for use without a network.", error),
  );
}

/** Starts again with a new build that was fetched whole on the last visit, if one waits and no other page is open. @param {() => boolean} idle */
export async function useNewest(idle) {
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (!registration?.waiting || !navigator.serviceWorker.controller) return;
  navigator.serviceWorker.addEventListener("controllerchange", () => idle() && location.reload(), { once: true });
  registration.waiting.postMessage("take over");
}
