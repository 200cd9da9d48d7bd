// @ts-check
/** Where an export can be made, each with its quality, time and cost: this browser, the server, RunPod. */

import { h } from "./dom.js";
import { money, span } from "./format.js";
import { icon } from "./icons.js";
import { said, t } from "./language.js";

/** The route that uploads nothing. */
export const BROWSER = "browser";

/**
 * One way. `route`: "browser", or the server's ("local", "runpod").
 * @typedef {{route: string, name: string, available: boolean, recommended: boolean, figures: string[], basis: string, reason: string}} RouteLine
 */

/** All of them, this browser first. @param {import("../protocol.js").AppState} state @returns {RouteLine[]} */
export function routesOf(state) {
  const { local_offer: offer, server, project } = state;
  const scale = server?.models.find(each => each.name === project?.output.model)?.scale;
  const quality = scale ? `${scale}×` : "";
  const servers = server ? state.estimates : [];
  return [...(offer ? [local(offer)] : []), ...servers.map(each => remote(each, quality))];
}

/** The route that `asked` stands for: "auto" is the recommended one. @param {RouteLine[]} routes @param {string} asked */
export function chosenRoute(routes, asked) {
  return asked === "auto" ? (routes.find(each => each.recommended)?.route ?? "auto") : asked;
}

/** @param {import("../protocol.js").LocalOffer} offer @returns {RouteLine} */
function local(offer) {
  const { available, reason, recommended, seconds, device, codec } = offer;
  return {
    route: BROWSER,
    name: t("route.browser"),
    available,
    recommended,
    figures: [seconds === null ? t("route.time-unknown") : span(seconds), money(0)],
    basis: ["2×", device, codec, said(offer.basis), t("route.no-upload")].filter(Boolean).join(" · "),
    reason: said(reason),
  };
}

/** @param {import("../protocol.js").Estimate} estimate @param {string} quality @returns {RouteLine} */
function remote(estimate, quality) {
  const { processor, route, recommended } = estimate;
  return {
    route,
    name: processor.name,
    available: processor.available,
    recommended,
    figures: [span(estimate.seconds), money(estimate.cost_usd)],
    basis: [quality, said(estimate.basis)].filter(Boolean).join(" · "),
    reason: said(processor.reason) || t("not-available"),
  };
}

/**
 * Its line; where there is a choice, with a radio button: the recommended one stands for "auto".
 * @param {RouteLine} line @param {boolean} choice @param {string} asked
 */
export function routeLine(line, choice, asked) {
  const { route, name, available, recommended } = line;
  const button = { type: "radio", name: "route", value: recommended ? "auto" : route, "data-testid": `route-${route}`, disabled: !available };
  const checked = asked === route || (recommended && asked === "auto");
  const [time, cost] = line.figures;
  return h(
    "li",
    { class: `estimate${recommended ? " recommended" : ""}${available ? "" : " off"}`, title: line.basis },
    choice ? h("label", { class: "estimate-name" }, h("input", { ...button, checked }), name) : h("span", { class: "estimate-name" }, name),
    available ? h("span", { class: "estimate-figures numeric" }, h("b", {}, time), ` · ${cost}`) : h("span", { class: "estimate-figures" }, line.reason),
    available && h("span", { class: "estimate-basis" }, recommended && h("span", { class: "tag" }, icon("check"), t("route.recommended")), line.basis),
  );
}
