// @ts-check
/** The page's end of the worker: commands with ids and answers, events, frames, and a readable end when it dies. */

import { problemText } from "./ui/format.js";
import { t } from "./ui/language.js";

/**
 * @typedef {import("./protocol.js").Problem} Problem
 * @typedef {import("./protocol.js").Event} AppEvent
 * @typedef {AppEvent | {type: "boot-failed", problem: Problem}} WorkerEvent
 * @typedef {{type: string} & Record<string, any>} Command
 */

/** A command that was refused; `problem` is the Problem that Python answered. */
export class CommandError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problemText(problem));
    this.name = "CommandError";
    this.problem = problem;
  }
}

export class WorkerClient {
  /** Resolves when Python is up and has told its first state; rejects with a CommandError when the boot fails. @type {Promise<void>} */
  ready;
  booted = false;
  /** Whether Python was started from a snapshot. */
  fromSnapshot = false;
  #worker;
  #onEvent;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  #nextId = 1;
  /** @type {() => void} */
  #up = () => {};
  /** @type {(error: Error) => void} */
  #down = () => {};
  /** @type {Problem | null} */
  #dead = null;

  /**
   * @param {{software: boolean, tier?: string, api: string, onEvent: (event: WorkerEvent) => void}} options `software`: accept a software
   * adapter; `tier`: the preview's, unmeasured ("" or none: by the GPU's speed); `api`: the API's path on this host; `onEvent` gets every event, in order.
   */
  constructor({ software, tier = "", api, onEvent }) {
    this.#onEvent = onEvent;
    this.ready = new Promise((resolve, reject) => {
      this.#up = resolve;
      this.#down = reject;
    });
    this.ready.catch(() => {}); // told through the boot-failed event; a page that awaits `ready` still gets the rejection
    const base = new URL("./", import.meta.url).href; // where the build lies; the document may lie elsewhere
    this.#worker = new Worker(new URL("./worker.js", base), { type: "module", name: "reelballers" });
    this.#worker.addEventListener("message", message => this.#receive(message.data));
    this.#worker.addEventListener("error", error => this.#die("worker.crashed", t("worker.crashed"), error.message || t("worker.crashed-detail")));
    this.#worker.addEventListener("messageerror", () => this.#die("worker.message", t("worker.message"), ""));
    this.#worker.postMessage({ boot: { software, tier, base, api } });
  }

  /**
   * Sends a command once Python is up. Resolves with its result, rejects with a CommandError.
   * @param {Command} command
   * @param {Record<string, any>} [attachments]
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  async send(command, attachments = {}, transfer = []) {
    await this.ready;
    if (this.#dead) throw new CommandError(this.#dead);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, command, attachments }, transfer);
    });
  }

  /** Hands a frame over; Python closes it and answers with a frame event. @param {VideoFrame} frame @param {number} timeUs */
  postFrame(frame, timeUs) {
    this.#worker.postMessage({ frame, time_us: timeUs }, [frame]);
  }

  /** Ends the worker; what still waits for it never hears. */
  close() {
    this.#worker.terminate();
  }

  /** @param {any} message */
  #receive(message) {
    if (message.event) {
      if (message.event.type === "boot-failed") this.#fail(message.event.problem);
      else this.#onEvent(message.event);
      if (message.event.type === "booting" && message.event.snapshot) this.fromSnapshot = true;
      if (message.event.type === "state" && !this.booted) {
        this.booted = true;
        this.#up();
      }
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) throw new Error(`the worker answered a command that nobody sent: ${JSON.stringify(message)}`);
    this.#waiting.delete(message.id);
    if (message.ok) waiting.resolve(message.result);
    else waiting.reject(new CommandError(message.error));
  }

  /** @param {string} code @param {string} title @param {string} detail */
  #die(code, title, detail) {
    this.#fail({ code, title, detail, hint: t("worker.hint"), status: 500 });
  }

  /** @param {Problem} problem */
  #fail(problem) {
    if (this.#dead) return;
    this.#dead = problem;
    this.#down(new CommandError(problem));
    for (const { reject } of this.#waiting.values()) reject(new CommandError(problem));
    this.#waiting.clear();
    this.#onEvent({ type: "boot-failed", problem });
  }
}

/**
 * Lets only the newest value through while one is under way: for drags, where each value replaces the last.
 * @template T
 * @param {(value: T) => Promise<any>} send
 * @returns {(value: T) => void}
 */
export function latest(send) {
  let busy = false;
  /** @type {{value: T} | null} */
  let next = null;
  const pump = async () => {
    busy = true;
    while (next) {
      const { value } = next;
      next = null;
      await send(value);
    }
    busy = false;
  };
  return value => {
    next = { value };
    if (!busy) pump();
  };
}

let gestures = 0;

/** A name for one drag, so that its many set-crop commands undo as one. (crypto.randomUUID needs https, a phone in the LAN has none.) */
export function newGesture() {
  gestures += 1;
  return `${Date.now().toString(36)}-${gestures}`;
}
