// @ts-check
/** The field that asks for a token where the server wants one, and what remembers it in this browser. */

import { byTest, text } from "./dom.js";
import { problemText } from "./format.js";

const KEY = "reelballers-token";

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
    const token = read();
    if (token) this.#send(token);
  }

  /** @param {import("../protocol.js").AppState} state */
  draw({ server, server_problem: problem }) {
    const asks = problem?.code === "auth.required" || problem?.code === "auth.wrong-token" || problem?.code === "auth.too-many-guesses";
    if (this.#form.hidden && asks && problem?.code === "auth.required" && this.#sent) return; // asked before the token was sent
    this.#form.hidden = !asks;
    text(byTest("sign-in-problem"), asks && problem ? problemText(problem) : "");
    if (server && this.#sent) {
      keep(this.#sent);
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

// A browser that keeps nothing (private windows, blocked storage) asks again next time.

function read() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} token */
function keep(token) {
  try {
    localStorage.setItem(KEY, token);
  } catch {}
}
