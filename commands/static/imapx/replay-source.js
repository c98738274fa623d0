// The chunks of a transcript from the server, a page at a time: one may be larger than a browser can hold.

export class Source {
    #address;
    #search;
    #token;

    constructor({ source, search, token }) {
        this.#address = source;
        this.#search = search;
        this.#token = token;
    }

    /** The chunks behind this sequence number; none: there are no more. */
    after(sequence) {
        return this.#chunks({ after: sequence });
    }

    /** Those around this time, in microseconds, with a page of what stands before. */
    around(offset) {
        return this.#chunks({ at: offset });
    }

    /** [sequence, offset] of each chunk that has the text, as far as `limit` of them. */
    async find(text, limit) {
        const matches = [];
        for (let after = 0; after !== null && matches.length < limit; ) {
            const found = await this.#get(this.#search, { q: text, after });
            const last = matches.at(-1)?.[0] ?? 0; // a part begins with the last chunk of the one before
            matches.push(...found.matches.filter(([sequence]) => sequence > last));
            after = found.next;
        }
        return matches;
    }

    async #chunks(query) {
        const answer = await this.#get(this.#address, query);
        return answer.chunks.map(([sequence, offset, stream, size, data]) => ({
            sequence,
            offset,
            stream,
            size,
            data: data === null ? null : Uint8Array.from(atob(data), (character) => character.charCodeAt(0)),
        }));
    }

    async #get(address, query) {
        const response = await fetch(`${address}?${new URLSearchParams(query)}`, {
            headers: { "X-Replay-Token": this.#token },
        });
        if (response.redirected || response.status === 403) throw new Error("You are logged out, or the page is too old: load it again.");
        if (!response.ok) throw new Error(`The server answers ${response.status}.`);
        return response.json();
    }
}
