// One of the live page's tables: rows come at their place and go, and nothing else moves.

const LEAVING = 1200; // milliseconds that a row is seen to go

export class LiveTable {
    #section;
    #table;
    #body;
    #template;
    #leaving = new Map();

    constructor(section, limit) {
        this.#section = section;
        this.limit = limit;
        this.#table = section.querySelector("table");
        this.#body = section.querySelector("tbody");
        this.#template = section.querySelector("template").content.firstElementChild;
        this.name = section.dataset.table;
    }

    get rows() {
        return [...this.#body.rows].filter((element) => !this.#leaving.has(element.dataset.key));
    }

    get summary() {
        const count = this.rows.length;
        return `${count} ${this.#section.dataset.noun}${count === 1 ? "" : "s"}`;
    }

    /** `rows`, the newest first, are new or have changed; `gone` are keys. `whole`: there are no others. */
    change({ rows, gone }, whole) {
        const known = new Map([...this.#body.rows].map((element) => [element.dataset.key, element]));
        const keys = new Set(rows.map((row) => row.key));
        const leave = whole ? [...known.keys()].filter((key) => !keys.has(key)) : gone;
        for (const key of leave) this.#leave(key, known.get(key), whole);
        for (const row of rows.toReversed()) {
            this.#stay(row.key);
            const element = known.get(row.key) ?? this.#template.cloneNode(true);
            fill(element, row);
            if (!known.has(row.key)) this.#place(element, row.since);
        }
        this.#show();
    }

    /** Count on, `now` being the server's. */
    tick(now) {
        for (const time of this.#body.querySelectorAll("time")) {
            if (!this.#leaving.has(time.closest("tr").dataset.key)) set(time, clock(now - Number(time.dataset.since)));
        }
    }

    #place(element, since) {
        const next = [...this.#body.rows].find((other) => Number(other.querySelector("time").dataset.since) <= since);
        this.#body.insertBefore(element, next ?? null);
    }

    #leave(key, element, atOnce) {
        if (!element || (this.#leaving.has(key) && !atOnce)) return;
        this.#stay(key);
        const remove = () => {
            this.#leaving.delete(key);
            if (element.contains(document.activeElement)) this.#focusBeside(element);
            element.remove();
            this.#show();
        };
        if (atOnce) return remove();
        element.classList.add("live-gone");
        this.#leaving.set(key, { element, timer: setTimeout(remove, LEAVING) });
    }

    #stay(key) {
        const leaving = this.#leaving.get(key);
        if (!leaving) return;
        clearTimeout(leaving.timer);
        leaving.element.classList.remove("live-gone");
        this.#leaving.delete(key);
    }

    /** Who goes through the rows by keyboard is not thrown back to the start of the page. */
    #focusBeside(element) {
        const beside = element.nextElementSibling ?? element.previousElementSibling;
        beside?.querySelector("a, button")?.focus({ preventScroll: true });
    }

    #show() {
        const count = this.rows.length;
        set(this.#section.querySelector("[data-part=count]"), count >= this.limit ? `the newest ${count}` : String(count));
        this.#table.hidden = this.#body.rows.length === 0;
        this.#section.querySelector("[data-part=empty]").hidden = this.#body.rows.length > 0;
    }
}

function fill(element, row) {
    element.dataset.key = row.key;
    element.dataset.userId = row.user_id;
    for (const part of element.querySelectorAll("[data-field]")) set(part, row[part.dataset.field]);
    for (const link of element.querySelectorAll("[data-href]")) {
        const address = row[link.dataset.href];
        if (link.getAttribute("href") !== address) link.setAttribute("href", address);
    }
    const time = element.querySelector("time");
    time.dataset.since = row.since;
    time.dateTime = new Date(row.since).toISOString();
    time.title = `since ${row.at}`;
}

/** What is there already is not written again: the browser would lay the page out for nothing. */
function set(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

export function clock(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
    const two = (number) => String(number).padStart(2, "0");
    if (days) return `${days} d ${two(hours % 24)}:${two(minutes % 60)}`;
    if (hours) return `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`;
    return `${minutes}:${two(seconds % 60)}`;
}
