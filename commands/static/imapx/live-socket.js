// A WebSocket that comes back by itself, and says how it stands; it gives up where the session or the right is gone.

const FORBIDDEN = 4403;
const LONGEST = 30; // seconds between two tries
const LOST = "Your session is over, or your right to see this was taken away: log in again, or load the page again.";

/**
 * `onState` is told a name and a text for people: connecting, live, waiting, lost, over. `alive`: an address of the
 * page's own kind, asked where a socket was refused, for a browser does not say why. `silence`: after so many seconds
 * without a message the way to the server is taken for broken.
 */
export class LiveSocket {
    #options;
    #socket = null;
    #tries = 0;
    #timer = null;
    #watchdog = null;
    #isOver = false;

    constructor(path, options) {
        this.#options = { silence: 30, onOpen() {}, ...options, path };
        addEventListener("online", () => this.#timer && this.#open());
        addEventListener("pagehide", () => this.#drop());
        addEventListener("pageshow", (event) => event.persisted && !this.#isOver && this.#open());
        this.#open();
    }

    send(message) {
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
    }

    /** It has done what it was for. */
    end(text) {
        this.#isOver = true;
        this.#drop();
        this.#options.onState("over", text);
    }

    #open() {
        this.#drop();
        this.#options.onState("connecting", "connecting");
        const scheme = location.protocol === "https:" ? "wss" : "ws";
        const socket = (this.#socket = new WebSocket(`${scheme}://${location.host}${this.#options.path}`));
        let wasOpen = false;
        socket.onopen = () => {
            wasOpen = true;
            this.#listen();
            this.#options.onOpen(this);
        };
        socket.onmessage = (event) => {
            this.#tries = 0;
            this.#listen();
            if (!this.#isOver) this.#options.onState("live", "live");
            this.#options.onMessage(JSON.parse(event.data));
        };
        socket.onclose = (event) => this.#closed(event.code, wasOpen);
    }

    async #closed(code, wasOpen) {
        this.#drop();
        if (this.#isOver) return;
        if ((code === FORBIDDEN || !wasOpen) && (await this.#isLost(code))) {
            this.#isOver = true;
            this.#options.onState("lost", LOST);
            return;
        }
        this.#wait(Math.min(LONGEST, 2 ** this.#tries++) * (0.8 + Math.random() * 0.4));
    }

    async #isLost(code) {
        try {
            const response = await fetch(this.#options.alive, { method: "HEAD", redirect: "manual", cache: "no-store" });
            if (response.type === "opaqueredirect" || [401, 403, 404].includes(response.status)) return true;
            return response.ok && code === FORBIDDEN;
        } catch {
            return false; // nobody there
        }
    }

    #wait(seconds) {
        const until = Date.now() + seconds * 1000;
        const tick = () => {
            const left = Math.ceil((until - Date.now()) / 1000);
            if (left <= 0) return this.#open();
            this.#options.onState("waiting", `no connection, trying again in ${left} s`);
            this.#timer = setTimeout(tick, Math.min(1000, until - Date.now()));
        };
        tick();
    }

    #listen() {
        clearTimeout(this.#watchdog);
        this.#watchdog = setTimeout(() => this.#closed(0, true), this.#options.silence * 1000);
    }

    #drop() {
        clearTimeout(this.#timer);
        clearTimeout(this.#watchdog);
        this.#timer = null;
        if (!this.#socket) return;
        this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
        this.#socket.close();
        this.#socket = null;
    }
}

/** Shows in `element` how a LiveSocket stands. */
export function showState(element) {
    return (name, text) => {
        if (element.dataset.state === name && element.textContent === text) return;
        // A countdown is for eyes: that it began is said.
        element.setAttribute("aria-live", name === "waiting" && element.dataset.state === "waiting" ? "off" : "polite");
        element.dataset.state = name;
        element.textContent = text;
    };
}
