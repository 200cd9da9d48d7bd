// @ts-check
/** The field that asks for a token where the server wants one. */

import { byTest, text } from "./dom.js";
import { problemText } from "./format.js";
import { remember, remembered } from "./remembered.js";

export class SignIn {
  #run;
  #form = /** @type {HTMLFormElement} */ (byTest("sign-in"));
  #field = /** @type {HTMLInputElement} */ (byTest("token"));
  #sent = "";

  /** @param {(command: import("../worker-client.js").Command) => Promise<any>} run */
  constructor(run) {
    this.#run = run;
    this.#form.addEventListener("submit", event => {
      event.preventDefault();
      this.#send(this.#field.value.trim());
    });
  }

  /** Uses the token of last time, if there is one. */
  resume() {
    const token = remembered("token");
    if (token) this.#send(token);
  }

  /** @param {import("../protocol.js").AppState} state */
  draw({ server, server_problem: problem }) {
    const asks = problem?.code === "auth.required" || problem?.code === "auth.wrong-token" || problem?.code === "auth.too-many-guesses";
    if (this.#form.hidden && asks && problem?.code === "auth.required" && this.#sent) return; // asked before the token was sent
    this.#form.hidden = !asks;
    text(byTest("sign-in-problem"), asks && problem ? problemText(problem) : "");
    if (server && this.#sent) {
      remember("token", this.#sent);
      this.#field.value = "";
    }
  }

  /** @param {string} token */
  async #send(token) {
    if (!token) return;
    this.#sent = token;
    await this.#run({ type: "sign-in", token });
  }
}
