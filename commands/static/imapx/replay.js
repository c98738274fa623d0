// The player: a clock, the chunks that are due, and what people set it by.

import { Screen } from "./replay-screen.js";
import { Source } from "./replay-source.js";

const LONG_PAUSE = 1e6; // microseconds; what is longer is skipped, if wanted, to
const SHORT_PAUSE = 3e5;
const STEP = 5e6;
const AHEAD = 50; // chunks that wait when more are asked for
const MATCHES = 1000;

function start(root) {
    const part = (name) => document.getElementById(`replay-${name}`);
    const player = new Player(root.dataset, part);
    part("play").addEventListener("click", () => player.toggle());
    part("seek").addEventListener("input", () => player.seekTo((player.duration * part("seek").value) / 1000));
    part("find")?.addEventListener("submit", (event) => {
        event.preventDefault();
        player.find(part("wanted").value, 1);
    });
    part("previous")?.addEventListener("click", () => player.find(part("wanted").value, -1));
    document.addEventListener("keydown", (event) => onKey(event, player, part));
    player.seekTo(player.duration);
}

function onKey(event, player, part) {
    const isOthers = event.target instanceof Element && event.target.closest("input, select, textarea, button, a");
    if (event.ctrlKey || event.metaKey || event.altKey || isOthers) return;
    const actions = {
        " ": () => player.toggle(),
        ArrowLeft: () => player.seekTo(player.clock - STEP),
        ArrowRight: () => player.seekTo(player.clock + STEP),
        "/": () => part("wanted")?.focus(),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
}

class Player {
    constructor({ source, search, token, last, duration }, part) {
        this.duration = Number(duration);
        this.clock = 0;
        this.part = part;
        this.last = Number(last);
        this.source = new Source({ source, search, token });
        this.screen = new Screen(part("screen"));
        this.waiting = []; // chunks that are not due yet
        this.reached = 0; // the last sequence number that was fetched
        this.fetching = null;
        this.seeks = 0; // so that the answer to an earlier one is not shown
        this.playing = false;
        this.plays = 0; // so that one that was paused does not go on beside the next
        this.sought = { text: "", matches: [], at: -1 };
    }

    toggle() {
        if (this.playing) this.#pause();
        else this.#play();
    }

    async seekTo(offset, andThen = null) {
        this.clock = Math.min(Math.max(0, offset), this.duration);
        this.#showTime();
        const seek = ++this.seeks;
        await this.#safely(async () => {
            const chunks = await this.source.around(Math.round(this.clock));
            if (seek !== this.seeks) return;
            this.screen.clear();
            this.#fetched(chunks);
            this.fetching = null;
            while (this.#showDue() && this.#hasMore()) {
                await this.#fetchMore(seek);
                if (seek !== this.seeks) return;
            }
            this.screen.toEnd();
            andThen?.();
        });
    }

    async find(text, direction) {
        if (!text) return;
        await this.#safely(async () => {
            if (text !== this.sought.text) {
                this.part("found").textContent = "searching";
                this.sought = { text, matches: await this.source.find(text, MATCHES), at: direction > 0 ? -1 : 0 };
            }
            const { matches } = this.sought;
            if (!matches.length) {
                this.part("found").textContent = "not found";
                return;
            }
            this.sought.at = (this.sought.at + direction + matches.length) % matches.length;
            const [sequence, offset] = matches[this.sought.at];
            const count = matches.length >= MATCHES ? `${MATCHES} or more` : matches.length;
            this.part("found").textContent = `${this.sought.at + 1} of ${count}`;
            this.#pause();
            await this.seekTo(offset, () => this.screen.point(sequence, text));
        });
    }

    async #play() {
        const play = ++this.plays;
        this.playing = true;
        this.#showPlaying();
        if (this.clock >= this.duration) await this.seekTo(0);
        let before = performance.now();
        const tick = (now) => {
            if (!this.playing || play !== this.plays) return;
            this.clock += (now - before) * 1000 * Number(this.part("speed").value);
            before = now;
            this.#skipPause();
            const isBehind = this.#showDue() && this.#hasMore();
            if (isBehind) this.clock = Math.min(this.clock, this.shownTo ?? this.clock); // the network is slower than it
            if (this.waiting.length < AHEAD && this.#hasMore() && !this.fetching) this.#safely(() => this.#fetchMore(this.seeks));
            if (this.clock >= this.duration && !this.waiting.length && !this.#hasMore()) {
                this.clock = this.duration;
                this.#pause();
            }
            this.#showTime();
            requestAnimationFrame(tick);
        };
        requestAnimationFrame((now) => {
            before = now;
            tick(now);
        });
    }

    #pause() {
        this.playing = false;
        this.#showPlaying();
    }

    #skipPause() {
        const next = this.waiting[0];
        if (this.part("skip").checked && next && next.offset - this.clock > LONG_PAUSE) this.clock = next.offset - SHORT_PAUSE;
    }

    /** Show what is due; whether all that is here was. */
    #showDue() {
        let due = this.waiting.findIndex((chunk) => chunk.offset > this.clock);
        if (due < 0) due = this.waiting.length;
        const chunks = this.waiting.splice(0, due);
        if (chunks.length) {
            this.screen.show(chunks);
            this.shownTo = chunks.at(-1).offset;
        }
        return !this.waiting.length;
    }

    #hasMore() {
        return this.reached < this.last;
    }

    #fetchMore(seek) {
        if (this.fetching) return this.fetching;
        const fetching = this.source.after(this.reached).then((chunks) => {
            if (seek !== this.seeks) return;
            this.waiting.push(...chunks);
            this.reached = chunks.at(-1)?.sequence ?? this.last;
        });
        this.fetching = fetching;
        return fetching.finally(() => {
            if (this.fetching === fetching) this.fetching = null;
        });
    }

    #fetched(chunks) {
        this.waiting = chunks;
        this.reached = chunks.at(-1)?.sequence ?? this.last;
    }

    #showTime() {
        const text = `${time(this.clock)} / ${time(this.duration)}`;
        this.part("time").textContent = text;
        this.part("seek").value = this.duration ? Math.round((this.clock / this.duration) * 1000) : 1000;
        this.part("seek").setAttribute("aria-valuetext", text);
    }

    #showPlaying() {
        this.part("play").setAttribute("aria-label", this.playing ? "Pause" : "Play");
        this.part("play").firstElementChild.textContent = this.playing ? "pause" : "play_arrow";
    }

    async #safely(action) {
        try {
            await action();
            this.part("problem").hidden = true;
        } catch (error) {
            this.#pause();
            this.part("problem").textContent = error.message;
            this.part("problem").hidden = false;
        }
    }
}

function time(microseconds) {
    const tenths = Math.floor(microseconds / 1e5);
    const minutes = Math.floor(tenths / 600);
    return `${minutes}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}

const root = document.getElementById("replay");
if (root) start(root);
