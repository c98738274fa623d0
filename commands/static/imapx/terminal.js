// A terminal on a page: shows what the server says, and sends it what is typed. The server makes all that programs
// write visible; nothing of it is left that a terminal obeys.

import { LineEditor, keys } from "./line-editor.js";
import { FitAddon } from "./vendor/xterm/addon-fit.mjs";
import { Terminal } from "./vendor/xterm/xterm.mjs";

const SHOWN_EVERY = 50; // ms between two messages of how much is on the screen: the server counts messages
const PIECE = 8 * 1024;
const AHEAD = 4096;
const NARROW = 24; // columns that are left behind what a program has said, or the line begins below
const PROMPT = "> ";

const THEMES = {
    light: {
        background: "#f8fafc", foreground: "#1e293b", cursor: "#1e293b", cursorAccent: "#f8fafc",
        selectionBackground: "#bae6fd", red: "#b91c1c", green: "#166534", yellow: "#92400e", cyan: "#075985",
    },
    dark: {
        background: "#0b1120", foreground: "#e2e8f0", cursor: "#e2e8f0", cursorAccent: "#0b1120",
        selectionBackground: "#1e40af", red: "#fca5a5", green: "#86efac", yellow: "#fcd34d", cyan: "#7dd3fc",
    },
};
const COLOURS = { good: 32, bad: 31, STDERR: 33, prompt: 36 };

const CLOSED = {
    4400: "The server did not understand this page. Reload it.",
    4403: "You may not do this any more: your session is over, a right was taken away, or you are locked.",
    4429: "Too much at once: the server has closed the connection.",
};

/** xterm.js makes style elements as it opens, which the page's policy lets in by its nonce alone. Its option
 * documentOverride is not asked for all of them. */
function open(screen, place, nonce) {
    document.createElement = (...named) => {
        const made = Document.prototype.createElement.apply(document, named);
        if (made instanceof HTMLStyleElement) made.nonce = nonce;
        return made;
    };
    try {
        screen.open(place);
    } finally {
        delete document.createElement;
    }
}

/** Nothing that moves a cursor, though the server should have left nothing. */
function harmless(text) {
    return text.replace(/[^\P{Cc}\n\t]/gu, "\ufffd");
}

export class PageTerminal {
    #screen;
    #editor = new LineEditor();
    #socket = null;
    #mode = "closed"; // or: wait, line, input, message, secret
    #writing = Promise.resolve(); // one thing after the other
    #column = 0; // where the line begins that is being typed
    #isDrawn = false;
    #ahead = "";
    #unsent = "";
    #isOnItsWay = false;
    #endWanted = false;
    #shown = 0;
    #telling = 0;

    /**
     * `place`: an element to be filled. `address`: of the WebSocket. `prompts`: it takes command lines, else it waits.
     * `heard` gets each message of the server, and {say: "open"} or {say: "closed", text}.
     */
    constructor(place, { address, nonce, prompts, heard }) {
        this.address = new URL(address, location.href.replace(/^http/, "ws"));
        this.prompts = prompts;
        this.heard = heard;
        this.#screen = new Terminal({
            convertEol: true,
            cursorBlink: false,
            fontFamily: "ui-monospace, 'DejaVu Sans Mono', monospace",
            fontSize: matchMedia("(max-width: 40rem)").matches ? 13 : 14,
            scrollback: 5000,
            theme: THEMES[isDark()],
        });
        const fit = new FitAddon();
        this.#screen.loadAddon(fit);
        open(this.#screen, place, nonce);
        this.#screen.textarea?.setAttribute("aria-label", prompts ? "Command line" : "Input of what runs");
        this.#screen.attachCustomKeyEventHandler((event) => this.#isOurs(event));
        this.#screen.onData((data) => this.#typed(data));
        new ResizeObserver(() => fit.fit()).observe(place);
        this.#screen.onResize(() => this.#redraw());
        new MutationObserver(() => (this.#screen.options.theme = THEMES[isDark()])).observe(document.documentElement, {
            attributeFilter: ["class"],
        });
        this.#screen.write("\x1b[?2004h"); // what is pasted comes marked as such
        fit.fit();
        this.connect();
    }

    connect() {
        const socket = (this.#socket = new WebSocket(this.address));
        this.#mode = "wait";
        let isOpen = false;
        socket.onopen = () => {
            isOpen = true;
            this.heard({ say: "open" });
        };
        socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
        socket.onclose = ({ code }) => {
            const text = CLOSED[code] ?? (isOpen ? "The connection is lost: what ran was ended." : "There is no connection: the server is away, or you may not do this any more.");
            this.#setMode("closed");
            this.#print(`${text} Enter connects again.\n`, "bad", true);
            this.heard({ say: "closed", text });
        };
    }

    send(message) {
        if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
    }

    focus() {
        this.#screen.focus();
    }

    /** Reads output aloud. Not always on: it costs time, and xterm.js then takes no text that comes without a key. */
    set isRead(isRead) {
        this.#screen.options.screenReaderMode = isRead;
    }

    interrupt() {
        this.#key("interrupt", "\x03");
    }

    endInput() {
        this.#key("endInput", "\x04");
    }

    /** Sends this as if it had been typed. */
    feed(text) {
        this.#print(text.endsWith("\n") ? text : `${text}\n`);
        this.#give(text);
    }

    #hear(message) {
        switch (message.say) {
            case "output":
                this.#print(message.text, message.stream === "STDERR" ? "STDERR" : "").then(() => this.#haveShown(message.size));
                break;
            case "note":
                this.#print(`${message.text}\n`, message.tone, true);
                break;
            case "ready":
                this.#forget();
                this.#setMode(this.prompts ? "line" : "wait");
                break;
            case "runs":
                this.#forget();
                this.#setMode(message.takes_input ? "input" : "wait");
                break;
            case "message":
                this.#print("Type the message; ^D at the start of a line ends it.\n", "prompt", true);
                this.#setMode("message");
                break;
            case "asks":
                this.#forget();
                this.#ahead = ""; // it was not meant to be a secret
                this.#print(`${message.label} (not shown): `, "prompt", true);
                this.#setMode("secret");
                break;
            case "taken":
                this.#isOnItsWay = false;
                this.#pump();
                break;
        }
        this.heard(message);
    }

    #setMode(mode) {
        this.#then(() => {
            this.#erase();
            this.#mode = mode;
            this.#editor.take(false);
            this.#draw();
            const ahead = this.#ahead;
            this.#ahead = "";
            if (ahead) queueMicrotask(() => this.#typed(ahead));
        });
    }

    // Keys

    #isOurs(event) {
        if (event.key === "Tab") return false; // the keyboard must be able to leave
        const withControl = event.ctrlKey && !event.altKey && !event.metaKey;
        if (withControl && event.key.toLowerCase() === "c" && this.#screen.hasSelection()) return false; // copies
        return !(withControl && event.key.toLowerCase() === "v"); // pastes
    }

    #typed(data) {
        for (const [name, text] of keys(data)) this.#key(name, text);
        this.#redraw();
    }

    #key(name, text) {
        if (this.#mode === "closed") {
            if (name === "enter") this.connect();
        } else if (name === "interrupt") {
            this.#interrupt();
        } else if (this.#mode === "wait") {
            if (name && this.#ahead.length < AHEAD) this.#ahead += name === "paste" ? `\x1b[200~${text}\x1b[201~` : text;
        } else if (name === "enter") {
            this.#enter();
        } else if (name === "endInput") {
            this.#end();
        } else if (name === "clear") {
            this.#then(() => {
                this.#erase();
                this.#screen.clear();
                this.#draw();
            });
        } else if (name === "paste") {
            // In a command line a line end would be the end of it before one has seen what it is.
            this.#editor.insert(this.#mode === "line" || this.#mode === "secret" ? text.replace(/[\r\n]+/g, " ").trim() : text);
        } else if (name === "text") {
            this.#editor.insert(text);
        } else if (!(this.#mode === "secret" && (name === "older" || name === "newer"))) {
            this.#editor.press(name);
        }
    }

    #interrupt() {
        const isAtPrompt = this.#mode === "line";
        this.#ahead = "";
        this.#unsent = "";
        const text = this.#editor.take(false);
        this.#commit(`${this.#mode === "secret" ? "" : text}^C\n`, isAtPrompt);
        this.#redraw();
        if (!isAtPrompt) this.send({ do: "interrupt" });
    }

    #enter() {
        const mode = this.#mode;
        const text = this.#editor.take(mode === "line");
        this.#commit(mode === "secret" ? "\n" : `${text}\n`, mode === "line");
        if (mode === "line") {
            if (!text.trim()) return;
            this.#mode = "wait";
            this.send({ do: "line", text });
        } else if (mode === "secret") {
            this.#mode = "wait";
            this.send({ do: "input", text });
        } else {
            this.#give(`${text}\n`);
        }
    }

    /** As a terminal does: a line that has begun is sent as it stands, else the input ends. */
    #end() {
        if (this.#mode === "line") return;
        const text = this.#editor.take(false);
        if (text && this.#mode !== "secret") {
            this.#commit(text, false);
            this.#give(text);
            return;
        }
        this.#commit("^D\n", false);
        this.#mode = "wait";
        this.#endWanted = true;
        this.#pump();
    }

    // Input, one piece at a time

    #give(text) {
        this.#unsent += text;
        this.#pump();
    }

    #pump() {
        if (this.#isOnItsWay) return;
        if (this.#unsent) {
            const length = /[\ud800-\udbff]/.test(this.#unsent[PIECE - 1] ?? "") ? PIECE - 1 : PIECE;
            this.send({ do: "input", text: this.#unsent.slice(0, length) });
            this.#unsent = this.#unsent.slice(length);
            this.#isOnItsWay = true;
        } else if (this.#endWanted) {
            this.#endWanted = false;
            this.send({ do: "end" });
        }
    }

    #forget() {
        this.#unsent = "";
        this.#isOnItsWay = this.#endWanted = false;
    }

    #haveShown(size) {
        this.#shown += size;
        this.#telling ||= setTimeout(() => {
            this.send({ do: "shown", size: this.#shown });
            this.#shown = this.#telling = 0;
        }, SHOWN_EVERY);
    }

    // The screen: a line that is being typed stands below all that is said meanwhile

    #then(act) {
        return (this.#writing = this.#writing.then(act).catch((error) => console.error(error)));
    }

    #write(text) {
        return new Promise((resolve) => this.#screen.write(text, resolve));
    }

    #print(text, tone = "", onNewLine = false) {
        return this.#then(async () => {
            this.#erase();
            const begin = onNewLine && this.#column > 0 ? "\n" : "";
            const colour = COLOURS[tone];
            await this.#write(begin + (colour ? `\x1b[${colour}m${harmless(text)}\x1b[0m` : harmless(text)));
            this.#column = this.#screen.buffer.active.cursorX;
            this.#draw();
        });
    }

    #commit(text, isCommand) {
        this.#then(async () => {
            this.#erase();
            await this.#write((isCommand ? coloured(PROMPT) : "") + harmless(text));
            this.#column = this.#screen.buffer.active.cursorX;
        });
    }

    #redraw() {
        this.#then(() => {
            this.#erase();
            this.#draw();
        });
    }

    #erase() {
        if (this.#isDrawn) this.#screen.write(`\r${this.#column ? `\x1b[${this.#column}C` : ""}\x1b[K`);
        this.#isDrawn = false;
    }

    #draw() {
        if (this.#mode === "wait" || this.#mode === "closed") return;
        let begin = "";
        const hasPrompt = this.#mode === "line";
        if (this.#column > 0 && (hasPrompt || this.#screen.cols - this.#column < NARROW)) {
            begin = "\n";
            this.#column = 0;
        }
        const columns = this.#screen.cols - this.#column - (hasPrompt ? PROMPT.length : 0);
        const [text, behind] = this.#mode === "secret" ? ["", 0] : this.#editor.view(columns);
        this.#screen.write(begin + (hasPrompt ? coloured(PROMPT) : "") + text + (behind ? `\x1b[${behind}D` : ""));
        this.#isDrawn = true;
    }
}

function coloured(text) {
    return `\x1b[${COLOURS.prompt}m${text}\x1b[0m`;
}

function isDark() {
    return document.documentElement.classList.contains("dark") ? "dark" : "light";
}
