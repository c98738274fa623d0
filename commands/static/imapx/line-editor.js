// A line that is being typed: what keys do to it, and what of it fits into a row. It draws nothing itself.

const SEGMENTS = new Intl.Segmenter();
const KEYS = /\x1b\[200~([\s\S]*?)\x1b\[201~|\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z]|[\x20-\x7f])|[\s\S]/gu;
const LONGEST = 64 * 1024;

const MOVES = {
    "\x01": "home", "\x1b[H": "home", "\x1bOH": "home", "\x1b[1~": "home",
    "\x05": "end", "\x1b[F": "end", "\x1bOF": "end", "\x1b[4~": "end",
    "\x02": "left", "\x1b[D": "left", "\x1bOD": "left",
    "\x06": "right", "\x1b[C": "right", "\x1bOC": "right",
    "\x1bb": "wordLeft", "\x1b[1;5D": "wordLeft", "\x1b[1;3D": "wordLeft",
    "\x1bf": "wordRight", "\x1b[1;5C": "wordRight", "\x1b[1;3C": "wordRight",
    "\x7f": "backspace", "\b": "backspace", "\x1b[3~": "remove",
    "\x17": "killWord", "\x1b\x7f": "killWord", "\x15": "killBefore", "\x0b": "killAfter",
    "\x10": "older", "\x1b[A": "older", "\x1bOA": "older",
    "\x0e": "newer", "\x1b[B": "newer", "\x1bOB": "newer",
};

// What is no key of the line's own is given to its owner by name.
const OTHERS = { "\r": "enter", "\n": "enter", "\x03": "interrupt", "\x04": "endInput", "\x0c": "clear" };

/** Splits what a terminal sends into keys: [name, text]; a name is one of the above, "text", "paste" or "". */
export function* keys(data) {
    for (const found of data.matchAll(KEYS)) {
        const [key, pasted] = found;
        if (pasted !== undefined) yield ["paste", pasted];
        else if (key in OTHERS) yield [OTHERS[key], key];
        else if (key in MOVES) yield [MOVES[key], key];
        else yield [key.length > 2 || key < " " ? "" : "text", key];
    }
}

/** How a character of a line is shown: none of them moves the cursor. */
function shown(segment) {
    return segment === "\n" ? "↵" : segment === "\t" ? " " : segment;
}

/** Columns, as the terminal counts them (Unicode 6). */
function width(segment) {
    let columns = 0;
    for (const each of shown(segment)) {
        const code = each.codePointAt(0);
        const wide =
            (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) ||
            (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) ||
            (code >= 0xff00 && code <= 0xff60) || (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x20000 && code <= 0x3fffd);
        columns += /\p{Mn}|\p{Me}|\p{Cf}/u.test(each) ? 0 : wide ? 2 : 1;
    }
    return columns;
}

export class LineEditor {
    #parts = [];
    #at = 0;
    #history = [];
    #place = 0; // in the history; its length is the line that is being typed
    #kept = "";

    get text() {
        return this.#parts.join("");
    }

    set text(text) {
        this.#parts = split(text);
        this.#at = this.#parts.length;
    }

    get isEmpty() {
        return this.#parts.length === 0;
    }

    /** Takes the line away, and remembers it if `remembers`. */
    take(remembers) {
        const text = this.text;
        if (remembers && text.trim() && text !== this.#history.at(-1)) this.#history.push(text);
        this.text = "";
        this.#place = this.#history.length;
        return text;
    }

    insert(text) {
        const room = LONGEST - this.text.length;
        const given = text.replace(/\r\n?/g, "\n").replace(/[^\P{C}\n\t\u200d]/gu, "").slice(0, Math.max(room, 0));
        // Anew, as an accent may come after its letter.
        const before = split(this.#parts.slice(0, this.#at).join("") + given);
        this.#parts = before.concat(this.#parts.slice(this.#at));
        this.#at = before.length;
    }

    /** Does what a key of this name does; false: it has none. */
    press(name) {
        if (!Object.values(MOVES).includes(name)) return false;
        this[name]();
        return true;
    }

    home() { this.#at = 0; }
    end() { this.#at = this.#parts.length; }
    left() { this.#at = Math.max(0, this.#at - 1); }
    right() { this.#at = Math.min(this.#parts.length, this.#at + 1); }
    wordLeft() { this.#at = this.#wordBefore(); }
    wordRight() {
        while (this.#at < this.#parts.length && !/\S/.test(this.#parts[this.#at])) this.#at++;
        while (this.#at < this.#parts.length && /\S/.test(this.#parts[this.#at])) this.#at++;
    }
    remove() { this.#parts.splice(this.#at, 1); }
    backspace() { if (this.#at) this.#parts.splice(--this.#at, 1); }
    killBefore() { this.#cut(0, this.#at); }
    killAfter() { this.#parts.length = this.#at; }
    killWord() { this.#cut(this.#wordBefore(), this.#at); }
    older() { this.#recall(this.#place - 1); }
    newer() { this.#recall(this.#place + 1); }

    /** What fits into so many columns, the cursor among it: [text, columns from the cursor to its end]. */
    view(columns) {
        let first = this.#at, used = 0;
        while (first > 0 && used + width(this.#parts[first - 1]) < columns) used += width(this.#parts[--first]);
        let last = this.#at, behind = 0;
        while (last < this.#parts.length && used + behind + width(this.#parts[last]) < columns) behind += width(this.#parts[last++]);
        return [this.#parts.slice(first, last).map(shown).join(""), behind];
    }

    #wordBefore() {
        let at = this.#at;
        while (at > 0 && !/\S/.test(this.#parts[at - 1])) at--;
        while (at > 0 && /\S/.test(this.#parts[at - 1])) at--;
        return at;
    }

    #cut(from, to) {
        this.#parts.splice(from, to - from);
        this.#at = from;
    }

    #recall(place) {
        if (place < 0 || place > this.#history.length) return;
        if (this.#place === this.#history.length) this.#kept = this.text;
        this.#place = place;
        this.text = place === this.#history.length ? this.#kept : this.#history[place];
    }
}

function split(text) {
    return Array.from(SEGMENTS.segment(text), (each) => each.segment);
}
