// Asks the server what would run for the sample arguments, whenever the form has been still for a moment.

const PAUSE = 400; // milliseconds after the last key

export class Sample {
    constructor(form, section) {
        this.form = form;
        this.section = section;
        this.text = document.getElementById("verb-sample-text");
        this.answer = document.getElementById("verb-sample-answer");
        this.said = document.getElementById("verb-sample-said");
        section.hidden = false;
        // The form's own events and those of unfold's rows, which are added, deleted and dragged.
        for (const name of ["input", "change", "formset:added", "formset:removed", "drop", "click"])
            form.addEventListener(name, () => this.later());
        this.ask();
    }

    later() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.ask(), PAUSE);
    }

    async ask() {
        const data = new FormData(this.form);
        data.set("sample", this.text.value);
        if (this.section.dataset.verb) data.set("verb", this.section.dataset.verb);
        const body = new URLSearchParams(data);
        if (body.toString() === this.asked) return;
        this.asked = body.toString();
        this.request?.abort();
        this.request = new AbortController();
        this.answer.setAttribute("aria-busy", "true");
        try {
            this.show(await fetched(this.section.dataset.source, body, this.request.signal));
        } catch (error) {
            if (error.name === "AbortError") return;
            this.asked = "";
            this.tell(error instanceof Refused ? error.message : "The server can't be reached.");
        }
        this.answer.setAttribute("aria-busy", "false");
    }

    // The server's own template, in which all that people wrote is escaped.
    show(html) {
        const made = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
        this.answer.replaceChildren(made);
        this.say(made.dataset.summary);
    }

    tell(text) {
        const made = document.createElement("p");
        made.textContent = text;
        this.answer.replaceChildren(made);
        this.say(text);
    }

    // Not the whole answer: a screen reader would read it to the end after each pause.
    say(text) {
        if (this.said.textContent !== text) this.said.textContent = text;
    }
}

class Refused extends Error {}

async function fetched(address, body, signal) {
    const response = await fetch(address, { method: "POST", body, signal, credentials: "same-origin" });
    if (response.redirected) throw new Refused("You are not logged in any more: log in in another tab, then go on here.");
    if (!response.ok) throw new Refused(`The server refuses to say (${response.status}).`);
    return response.text();
}
