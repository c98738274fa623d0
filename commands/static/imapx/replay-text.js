// Bytes of a transcript as text that nobody can be deceived by: what a terminal or a browser would obey is written out.

// Controls but for line feed and tab, formats such as U+202E, separators, what is not assigned; every space but one.
const HIDDEN = /((?:(?![\n\t ])[\p{C}\p{Z}])+)/u;

/** Pieces of text, each with whether it stands for something that can't be seen. */
export function visible(text) {
    return text
        .split(HIDDEN) // every second one is what it matched
        .map((part, number) => ({ hidden: number % 2 === 1, text: number % 2 ? Array.from(part, escaped).join("") : part }))
        .filter((piece) => piece.text);
}

function escaped(character) {
    const code = character.codePointAt(0);
    if (code < 0x80) return "\\x" + code.toString(16).padStart(2, "0");
    return code <= 0xffff ? "\\u" + code.toString(16).padStart(4, "0") : "\\U" + code.toString(16).padStart(8, "0");
}

/** Text of one stream, whose characters and line ends may lie across its chunks. */
export class StreamText {
    #decoder = new TextDecoder("utf-8");
    #held = "";

    take(bytes) {
        const text = this.#held + this.#decoder.decode(bytes, { stream: true });
        this.#held = text.endsWith("\r") ? "\r" : "";
        return text.slice(0, text.length - this.#held.length).replaceAll("\r\n", "\n");
    }
}
