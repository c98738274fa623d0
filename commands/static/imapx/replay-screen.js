// Shows chunks, and no more of them than a browser is quick with.

import { StreamText, visible } from "./replay-text.js";

const CLASSES = { i: "replay-i", o: "replay-o", e: "replay-e" };
const NAMES = { i: "input", o: "output", e: "error" };
const KEPT_CHUNKS = 3000;
const KEPT_CHARACTERS = 1_500_000;

export class Screen {
    #element;
    #texts = {};
    #characters = 0;

    constructor(element) {
        this.#element = element;
    }

    clear() {
        this.#element.replaceChildren();
        this.#texts = {};
        this.#characters = 0;
        CSS.highlights?.delete("replay");
    }

    show(chunks) {
        this.#add(chunks.map((chunk) => (chunk.data === null ? sizeOf(chunk) : this.#textOf(chunk))));
    }

    /** A line about what is shown, which is no part of it. */
    note(text) {
        const element = document.createElement("div");
        element.className = "replay-note";
        element.textContent = text;
        this.#characters += text.length;
        this.#add([element]);
    }

    #add(elements) {
        const atEnd = this.#element.scrollTop + this.#element.clientHeight >= this.#element.scrollHeight - 40;
        this.#element.append(...elements);
        while (this.#element.childElementCount > KEPT_CHUNKS || this.#characters > KEPT_CHARACTERS) {
            this.#characters -= this.#element.firstElementChild.textContent.length;
            this.#element.firstElementChild.remove();
        }
        if (atEnd) this.toEnd();
    }

    toEnd() {
        this.#element.scrollTop = this.#element.scrollHeight;
    }

    /** Bring the chunk into view, with what was found in it marked. */
    point(sequence, wanted) {
        const chunk = this.#element.querySelector(`[data-sequence="${sequence}"]`);
        for (const before of this.#element.querySelectorAll(".replay-match")) before.classList.remove("replay-match");
        if (!chunk) return;
        const range = rangeOf(chunk, wanted);
        CSS.highlights?.delete("replay");
        if (range && CSS.highlights) CSS.highlights.set("replay", new Highlight(range));
        else chunk.classList.add("replay-match");
        const place = (range ?? chunk).getBoundingClientRect();
        const screen = this.#element.getBoundingClientRect();
        this.#element.scrollTop += place.top - screen.top - screen.height / 2;
    }

    #textOf(chunk) {
        const element = document.createElement("span");
        element.className = CLASSES[chunk.stream];
        element.dataset.sequence = chunk.sequence;
        element.title = `${NAMES[chunk.stream]}, ${(chunk.offset / 1e6).toFixed(3)} s`;
        this.#texts[chunk.stream] ??= new StreamText();
        for (const piece of visible(this.#texts[chunk.stream].take(chunk.data))) {
            if (piece.hidden) element.append(span("replay-hidden", piece.text));
            else element.append(piece.text);
        }
        this.#characters += element.textContent.length;
        return element;
    }
}

function sizeOf(chunk) {
    const element = document.createElement("div");
    element.className = "replay-size";
    element.dataset.sequence = chunk.sequence;
    const meter = document.createElement("meter");
    meter.max = 16; // the logarithm of 64 KiB, the largest
    meter.value = Math.log2(chunk.size + 1);
    meter.setAttribute("aria-hidden", "true");
    const amount = chunk.size === 1 ? "1 byte" : `${chunk.size} bytes`;
    element.append(
        span("", `${(chunk.offset / 1e6).toFixed(3)} s`),
        span(CLASSES[chunk.stream], NAMES[chunk.stream]),
        span("", amount),
        meter,
    );
    return element;
}

function span(className, text) {
    const element = document.createElement("span");
    element.className = className;
    element.textContent = text;
    return element;
}

/** Where the text stands in the chunk; null if it began in an earlier one. */
function rangeOf(element, wanted) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const place = walker.currentNode.data.toLowerCase().indexOf(wanted.toLowerCase());
        if (place >= 0) {
            const range = new Range();
            range.setStart(walker.currentNode, place);
            range.setEnd(walker.currentNode, place + wanted.length);
            return range;
        }
    }
    return null;
}
