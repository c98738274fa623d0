// Names and keys for what unfold and the widgets on its pages leave to the eye and the mouse.

const CLICKED = "[x-on\\:click]:not(a[href], button, input, select, summary)";
const CONTROL = "a, button, input, select, textarea";
const ICON = ".material-symbols-outlined";

// Of controls that are an icon and nothing else.
const NAMES = {
    add: "Add",
    arrow_back: "Back",
    close: "Close",
    dark_mode: "Theme",
    computer: "Theme",
    delete: "Delete",
    dock_to_right: "Sidebar",
    edit: "Change",
    filter_list: "Filters",
    history: "History",
    light_mode: "Theme",
    more_vert: "More",
    search: "Search",
    visibility: "View",
};

function mend(root) {
    for (const each of root.querySelectorAll(CLICKED)) {
        if (each.querySelector(CONTROL)) continue; // it only looks on at what happens in it
        each.tabIndex = 0;
        each.setAttribute("role", "button");
    }
    for (const control of root.querySelectorAll("a[href], button, [role=button]")) {
        const icon = control.matches(ICON) ? control : control.querySelector(ICON);
        if (icon && !control.ariaLabel && !textBeside(control)) control.ariaLabel = control.title || nameOf(icon);
    }
    // Its text is the icon's name, which nobody wants read out beside what it stands for.
    for (const icon of root.querySelectorAll(`${ICON}:not([role])`)) icon.ariaHidden = "true";
    // Only what has a role may have a name.
    for (const hint of root.querySelectorAll("span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
    for (const scrolled of root.querySelectorAll(".simplebar-content-wrapper[role=region]")) {
        scrolled.setAttribute("role", "group");
    }
    for (const chooser of root.querySelectorAll(".select2-container")) nameChooser(chooser);
}

function textBeside(control) {
    if (control.matches(ICON)) return false;
    const icons = [...control.querySelectorAll(ICON)].map((icon) => icon.textContent).join("");
    return control.textContent.replace(/\s/g, "").length > icons.replace(/\s/g, "").length;
}

function nameOf(icon) {
    const written = icon.textContent.trim();
    return NAMES[written] ?? written.replaceAll("_", " ");
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
