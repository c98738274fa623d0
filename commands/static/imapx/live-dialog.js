// The dialog that ends something: it asks why, and tells what became of it. Without it the same link is a page.

const TOLD = 10_000; // milliseconds

export function startDialog(root) {
    const dialog = document.getElementById("live-dialog");
    if (!dialog) return;
    const form = dialog.querySelector("form");
    const part = (name) => dialog.querySelector(`[data-part=${name}]`);
    let opener = null;

    root.addEventListener("click", (event) => {
        const link = event.target.closest("[data-end]");
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        opener = link;
        const target = targetOf(link.closest("[data-key]"));
        form.reset();
        for (const name of ["execution", "connection"]) form.elements[name].value = name === target.kind ? target.key : "";
        form.elements.user.value = target.userId;
        part("text").textContent = target.text;
        if (part("user")) part("user").textContent = target.user;
        part("problem").hidden = true;
        dialog.showModal();
        form.elements.reason.focus();
    });
    part("cancel").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => opener?.isConnected && opener.focus());

    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const button = form.querySelector("[type=submit]");
        button.disabled = true;
        try {
            tell(await send(form));
            dialog.close();
        } catch (error) {
            part("problem").textContent = error.message;
            part("problem").hidden = false;
        } finally {
            button.disabled = false;
        }
    });
}

/** What an element with `data-key`, of a row or of the page, is about. */
function targetOf(element) {
    const { dataset } = element;
    const field = (name) => element.querySelector(`[data-field=${name}]`)?.textContent ?? "";
    const user = dataset.user ?? field("user");
    const ofExecution = `${user}: ${field("verb")} ${field("arguments")}`.trim();
    const ofConnection = `the connection of ${user} from ${field("from")}`;
    const text = dataset.text ?? (dataset.kind === "execution" ? ofExecution : ofConnection);
    return { kind: dataset.kind, key: dataset.key, userId: dataset.userId, user, text };
}

async function send(form) {
    let response;
    try {
        response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    } catch {
        throw new Error("The server can't be reached: nothing was ended.");
    }
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    if (response.redirected || !isJson) {
        const why = response.status === 404 ? "There is no such thing any more." : "Load the page again: your session is over, or you may not.";
        throw new Error(`Nothing was ended. ${why}`);
    }
    const { told, problem } = await response.json();
    if (!response.ok) throw new Error(problem ?? told);
    return told;
}

function tell(text) {
    const told = document.getElementById("live-told");
    told.textContent = text;
    clearTimeout(tell.timer);
    tell.timer = setTimeout(() => (told.textContent = ""), TOLD);
}
