// The live page: its tables change as the server tells it, and count on by themselves.

import { startDialog } from "./live-dialog.js";
import { LiveSocket, showState } from "./live-socket.js";
import { LiveTable } from "./live-table.js";

const SAID_EVERY = 10_000; // a screen reader that is told of each row says nothing else

function start(root) {
    const part = (name) => document.getElementById(`live-${name}`);
    const tables = new Map();
    for (const section of root.querySelectorAll("section[data-table]")) {
        tables.set(section.dataset.table, new LiveTable(section, Number(root.dataset.limit)));
    }
    let ahead = Number(root.dataset.now) - Date.now(); // of the server's clock
    const tick = () => tables.forEach((table) => table.tick(Date.now() + ahead));
    setInterval(tick, 1000);

    new LiveSocket(root.dataset.socket, {
        alive: root.dataset.alive,
        onState: showState(part("state")),
        onMessage({ now, tables: changes, whole, problem }) {
            ahead = now - Date.now();
            if (problem || changes) {
                part("problem").textContent = problem ?? "";
                part("problem").hidden = !problem;
            }
            // A right that was given or taken away while it is open: the page has another table then.
            if (whole && (Object.keys(changes).length !== tables.size || Object.keys(changes).some((name) => !tables.has(name)))) return location.reload();
            for (const [name, change] of Object.entries(changes ?? {})) tables.get(name).change(change, whole);
            if (changes) tick();
        },
    });

    let said = summary();
    setInterval(() => {
        if (said === summary()) return;
        said = summary();
        part("said").textContent = said;
    }, SAID_EVERY);

    function summary() {
        return [...tables.values()].map((table) => table.summary).join(", ");
    }

    startDialog(root);
}

const root = document.getElementById("live");
if (root) start(root);
