// The console's page.

import { PageTerminal } from "./terminal.js";

const place = document.getElementById("terminal");
const status = document.getElementById("terminal-status");

/** What the server said last of how something came out, with links that a keyboard can reach. */
export function showNote({ text, tone, links }) {
    status.replaceChildren(text);
    status.className = `terminal-status terminal-${tone || "plain"}`;
    for (const [name, address] of links ?? []) {
        const link = document.createElement("a");
        link.href = address;
        link.textContent = name;
        link.className = "text-link";
        status.append(" ", link);
    }
}

/** A terminal in the page's place, with its buttons. */
export function openTerminal(prompts, heard) {
    const terminal = new PageTerminal(place, {
        address: place.dataset.socket,
        nonce: document.getElementById("terminal-style").nonce,
        prompts,
        heard(message) {
            if (message.say === "note") showNote(message);
            if (message.say === "closed") showNote({ text: message.text, tone: "bad" });
            if (message.say === "runs") showNote({ text: `${message.verb} runs.` });
            heard(message);
        },
    });
    for (const [id, act] of [["terminal-interrupt", "interrupt"], ["terminal-end", "endInput"]]) {
        document.getElementById(id).addEventListener("click", () => {
            terminal[act]();
            terminal.focus();
        });
    }
    const reader = document.getElementById("terminal-reader");
    reader.checked = localStorage.getItem("imapx-terminal-reader") === "yes";
    reader.addEventListener("change", () => {
        localStorage.setItem("imapx-terminal-reader", reader.checked ? "yes" : "no");
        terminal.isRead = reader.checked;
    });
    terminal.isRead = reader.checked;
    return terminal;
}

if (place.dataset.prompts) openTerminal(true, () => {}).focus();
