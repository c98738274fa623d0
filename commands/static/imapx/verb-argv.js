// The argument vector as rows, one for each element. The text that is sent stays the field's own JSON: rows write it,
// and are made anew from it where somebody edits that instead.

export function edit(form, field) {
    new Editor(form, field);
}

class Editor {
    constructor(form, field) {
        this.form = form;
        this.field = field;
        this.rows = element("ol", "verb-rows");
        this.names = element("datalist");
        this.names.id = "verb-argv-names";
        this.said = element("p", "site-heard", { role: "status" });
        this.asText = button("data_object", "Edit as JSON");
        this.asText.append("JSON");
        this.asText.addEventListener("click", () => this.showText(this.field.hidden));
        const add = button("add", "Add an element");
        add.append("Add an element");
        add.addEventListener("click", () => this.add(this.rows.children.length, ""));
        const bar = element("div", "verb-bar");
        bar.append(add, this.asText);
        this.box = element("div", "verb-argv", { role: "group", "aria-label": "Argument vector" });
        this.box.append(this.rows, bar, this.names, this.said);
        field.before(this.box);
        field.addEventListener("input", () => this.read());
        this.rows.addEventListener("focusin", () => this.listNames());
        this.rows.addEventListener("keydown", (event) => this.key(event));
        this.showText(!this.read());
    }

    // Whether the text is a list of strings, which rows can show.
    read() {
        const elements = parsed(this.field.value);
        this.rows.hidden = elements === null;
        if (elements !== null) {
            this.rows.replaceChildren(...(elements.length ? elements : [""]).map((text) => this.row(text)));
            this.number();
        }
        return elements !== null;
    }

    write() {
        this.field.value = JSON.stringify(this.inputs().map((input) => input.value));
        this.number();
        // Whoever listens to the form hears of it as if it had been typed; the listener above must not.
        this.form.dispatchEvent(new Event("input"));
    }

    showText(shown) {
        this.field.hidden = !shown;
        this.asText.setAttribute("aria-expanded", String(shown));
        const label = document.querySelector(`label[for="id_argv"], label[for="verb-argv-0"]`);
        if (label) label.htmlFor = this.rows.hidden ? "id_argv" : "verb-argv-0";
    }

    row(text) {
        const row = element("li", "verb-row");
        const input = element("input", "", { type: "text", spellcheck: "false", autocomplete: "off", list: this.names.id });
        input.value = text;
        input.addEventListener("input", () => this.write());
        const tools = [
            ["arrow_upward", "Move up", () => this.move(row, -1)],
            ["arrow_downward", "Move down", () => this.move(row, 1)],
            ["close", "Remove", () => this.remove(row)],
        ].map(([icon, title, act]) => {
            const tool = button(icon, title);
            tool.addEventListener("click", act);
            return tool;
        });
        row.append(element("span", "verb-place", { "aria-hidden": "true" }), input, ...tools);
        return row;
    }

    number() {
        [...this.rows.children].forEach((row, number) => {
            const [place, input, up, down, remove] = row.children;
            const name = number ? `element ${number}` : "the program";
            place.textContent = number || "program";
            input.id = `verb-argv-${number}`;
            input.placeholder = number ? "empty" : "/absolute/path";
            input.setAttribute("aria-label", `Argument vector, ${name}`);
            input.classList.toggle("verb-given", number > 0 && /^\{(\*|[A-Za-z0-9_-]+)\}$/.test(input.value));
            for (const [tool, title] of [[up, "Move up"], [down, "Move down"], [remove, "Remove"]])
                tool.setAttribute("aria-label", `${title}: ${name}`);
            up.disabled = number === 0;
            down.disabled = number === this.rows.children.length - 1;
        });
    }

    add(number, text) {
        const row = this.row(text);
        this.rows.insertBefore(row, this.rows.children[number] ?? null);
        this.write();
        row.children[1].focus();
    }

    move(row, step) {
        const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
        if (!other) return;
        if (step < 0) other.before(row);
        else other.after(row);
        this.write();
        row.children[1].focus();
        this.said.textContent = `Moved to ${row.children[0].textContent}`;
    }

    remove(row) {
        const next = row.nextElementSibling ?? row.previousElementSibling;
        row.remove();
        this.said.textContent = "Removed";
        if (!next) return this.add(0, "");
        this.write();
        next.children[1].focus();
    }

    key(event) {
        const row = event.target.closest("li");
        if (event.target.tagName !== "INPUT" || event.isComposing) return;
        if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) this.add([...this.rows.children].indexOf(row) + 1, "");
        else if (event.altKey && event.key === "ArrowUp") this.move(row, -1);
        else if (event.altKey && event.key === "ArrowDown") this.move(row, 1);
        else return;
        event.preventDefault();
    }

    inputs() {
        return [...this.rows.querySelectorAll("input")];
    }

    // What may stand in an element: the parameters of the signatures as they are now.
    listNames() {
        const fields = this.form.querySelectorAll('[name^="signatures-"][name$="-name"]:not([name*="__prefix__"])');
        const names = new Set(["*", ...[...fields].map((field) => field.value).filter(Boolean)]);
        this.names.replaceChildren(...[...names].map((name) => element("option", "", { value: `{${name}}` })));
    }
}

function parsed(text) {
    if (!text.trim()) return [];
    try {
        const value = JSON.parse(text);
        return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : null;
    } catch {
        return null;
    }
}

function element(name, className = "", attributes = {}) {
    const made = document.createElement(name);
    made.className = className;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
}

function button(icon, title) {
    const made = element("button", "verb-button", { type: "button", title, "aria-label": title });
    const symbol = element("span", "material-symbols-outlined", { "aria-hidden": "true" });
    symbol.textContent = icon;
    made.append(symbol);
    return made;
}
