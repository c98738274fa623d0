// The theme that was chosen on the pages, where the browser's own is another one.
const chosen = (localStorage.getItem("adminTheme") ?? "").replaceAll('"', "");
if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
