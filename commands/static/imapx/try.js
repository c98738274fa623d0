// The page on which a verb is tried as another user.

import { openTerminal, showNote } from "./console.js";

const PAUSE = 250; // ms without a key before it is asked what would run

const form = document.getElementById("try-form");
const { user, line, input } = form.elements;
const button = form.querySelector("[type=submit]");
const answer = document.getElementById("try-answer");
let timer = 0;

const terminal = openTerminal(false, (message) => {
    switch (message.say) {
        case "open":
            ask();
            break;
        case "ready":
            button.disabled = false;
            ask(); // limits may be used up by now
            break;
        case "closed":
            button.disabled = true;
            break;
        case "answer":
            if (message.user === user.value.trim() && message.line === line.value) showAnswer(message);
            break;
        case "message":
            if (input.value) {
                terminal.feed(input.value);
                terminal.endInput();
            }
            break;
        case "runs":
            if (message.takes_input && input.value) terminal.feed(input.value.endsWith("\n") ? input.value : `${input.value}\n`);
            break;
    }
});

function ask() {
    terminal.send({ do: "explain", user: user.value, line: line.value });
}

function element(name, text, className = "") {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = className;
    return made;
}

function showAnswer({ allowed, meaning, reason, rule, runs, usage, circumstances, names }) {
    document.getElementById("try-users").replaceChildren(...names.map((name) => new Option(name)));
    const title = element("h3", `${allowed ? "Yes" : "No"}: ${meaning}`, "font-semibold");
    const parts = [title];
    if (reason) {
        const why = element("p", "");
        why.append(rule ? Object.assign(element("a", reason, "text-link"), { href: rule }) : reason);
        parts.push(why);
    }
    if (circumstances) parts.push(element("p", `${user.value.trim()} ${circumstances}: as this page comes.`));
    if (runs?.length) {
        const vector = element("ol", "", "try-argv");
        vector.append(...runs.map((each) => element("li", each)));
        parts.push(element("h4", "What would run", "font-semibold mt-2"), vector);
    } else if (usage) {
        parts.push(element("p", `Usage: ${usage}`, "mt-2"));
    }
    answer.className = `try-answer try-wide ${allowed ? "try-yes" : "try-no"}`;
    answer.replaceChildren(...parts);
}

for (const field of [user, line]) {
    field.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(ask, PAUSE);
    });
}

form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    showNote({ text: "Asked to run it." });
    terminal.send({ do: "run", user: user.value, line: line.value });
    terminal.focus();
});
