// The watch page: what goes in and comes out, as it happens, in the look of the replay.

import { startDialog } from "./live-dialog.js";
import { LiveSocket, showState } from "./live-socket.js";
import { Screen } from "./replay-screen.js";
import { visible } from "./replay-text.js";

const SHOW_EVERY = 50; // milliseconds: quick to the eye, and no work for each byte

class Watch {
    #part;
    #screen;
    #socket;
    #waiting = [];
    #sequence = 0;
    #timer = null;
    #isPaused = false;
    #wasWatching = false;

    constructor(root, part) {
        this.#part = part;
        this.#screen = new Screen(part("watch-screen"));
        const { socket, token, alive } = root.dataset;
        this.#socket = new LiveSocket(socket, {
            alive,
            onState: showState(part("live-state")),
            onOpen: (line) => line.send({ token }),
            onMessage: (message) => this.#take(message),
        });
    }

    /** What comes while it stands still waits; what is more than the server lets wait is left out, and counted. */
    pause() {
        this.#isPaused = !this.#isPaused;
        this.#part("watch-pause").setAttribute("aria-pressed", String(this.#isPaused));
        this.#part("watch-pause").textContent = this.#isPaused ? "Go on" : "Pause";
        if (this.#isPaused) return;
        this.#show();
        this.#screen.toEnd();
    }

    #take(message) {
        if (message.type === "watching") {
            if (message.anew && this.#wasWatching) this.#waiting.push("The connection was gone: what happened meanwhile is not shown.");
            this.#wasWatching = true;
        }
        if (message.skipped) this.#waiting.push(`${message.skipped.toLocaleString("en")} bytes are left out here.`);
        if (message.type === "piece" && message.data) this.#waiting.push(this.#chunkOf(message));
        if (message.type === "ended") this.#end(message);
        if (!this.#isPaused) this.#timer ??= setTimeout(() => this.#show(), SHOW_EVERY);
    }

    #chunkOf({ offset, stream, data }) {
        const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
        return { sequence: ++this.#sequence, offset, stream, size: bytes.length, data: bytes };
    }

    #show() {
        this.#timer = null;
        let shown = 0;
        const chunks = [];
        for (const each of [...this.#waiting.splice(0), null]) {
            if (each?.data) {
                chunks.push(each);
                shown += each.size;
                continue;
            }
            if (chunks.length) this.#screen.show(chunks.splice(0));
            if (each) this.#screen.note(each);
        }
        if (shown) this.#socket.send({ shown });
    }

    #end({ outcome, code, reason }) {
        const how = [`ended: ${outcome}`, code, reason && `(${reason})`].filter((each) => each !== null && each !== "").join(" ");
        const text = visible(outcome === "ended" && reason ? `ended ${reason}` : how).map((piece) => piece.text).join("");
        this.#waiting.push(text);
        this.#socket.end(text);
        this.#part("watch-stop")?.remove();
        if (this.#isPaused) this.pause();
        this.#part("watch-pause").hidden = true;
        this.#part("watch-end").hidden = false;
    }
}

const root = document.getElementById("watch");
if (root) {
    const watch = new Watch(root, (name) => document.getElementById(name));
    document.getElementById("watch-pause").addEventListener("click", () => watch.pause());
    startDialog(root);
}
