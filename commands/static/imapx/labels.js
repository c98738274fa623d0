// Names and keys for what unfold and the widgets on its pages leave to the eye and the mouse.

const CLICKED = "[x-on\\:click]:not(a[href], button, input, select, summary)";
const ICON = ".material-symbols-outlined";

const NAMES = { dock_to_right: "Sidebar", light_mode: "Theme", dark_mode: "Theme", computer: "Theme" };

function mend(root) {
    for (const each of root.querySelectorAll(CLICKED)) {
        each.tabIndex = 0;
        each.setAttribute("role", "button");
        const name = NAMES[each.textContent.trim()];
        if (name) each.setAttribute("aria-label", name);
    }
    // Its text is the icon's name, which nobody wants read out beside what it stands for.
    for (const icon of root.querySelectorAll(`${ICON}:not([role])`)) icon.ariaHidden = "true";
    for (const link of root.querySelectorAll("a[title]:not([aria-label])")) {
        if (link.querySelector(ICON) && !textBeside(link)) link.ariaLabel = link.title;
    }
    // Only what has a role may have a name.
    for (const hint of root.querySelectorAll("span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
    for (const scrolled of root.querySelectorAll(".simplebar-content-wrapper[role=region]")) {
        scrolled.setAttribute("role", "group");
    }
    for (const chooser of root.querySelectorAll(".select2-container")) nameChooser(chooser);
}

function textBeside(element) {
    return [...element.childNodes].some((node) => !node.matches?.(ICON) && node.textContent.trim());
}

/** select2 stands after the field that it hides, and has no name of its own. */
function nameChooser(chooser) {
    const select = chooser.previousElementSibling;
    const label = select?.labels?.[0];
    const shown = chooser.querySelector(".select2-selection__rendered");
    const field = chooser.querySelector(".select2-search__field");
    const name = label ? label.textContent.trim().replace(/\s*\*$/, "") : (select?.ariaLabel ?? select?.name ?? "Choose");
    if (field) field.ariaLabel = name;
    if (!shown?.id || field) return;
    const named = label ?? shown;
    if (label) label.id ||= `${shown.id}-label`;
    else shown.ariaLabel = name;
    if (label) shown.setAttribute("aria-labelledby", label.id);
    chooser.querySelector("[role=combobox]")?.setAttribute("aria-labelledby", `${named.id} ${shown.id}`);
}

document.addEventListener("keydown", (event) => {
    if (!["Enter", " "].includes(event.key) || !event.target.matches?.(`${CLICKED}[role=button]`)) return;
    event.preventDefault();
    event.target.click();
});

mend(document);
addEventListener("load", () => mend(document)); // by then the widgets have made what they show

// Rows of a form that are added later bring new ones.
new MutationObserver((changes) => {
    const added = changes.flatMap((change) => [...change.addedNodes]);
    for (const node of added) if (node.classList?.contains("select2-container")) nameChooser(node);
}).observe(document.body, { childList: true, subtree: true });
