// What unfold's pages need where nothing is evaluated: Alpine's CSP build parses the expressions of attributes. It knows
// no global, no arrow function and no second statement. unfold/js/app.js has the functions that are named here.

// Expressions of unfold's templates which it can't read, and what says the same.
const SAID_OTHERWISE = {
  "sidebarDesktopOpen = !sidebarDesktopOpen; localStorage.setItem('sidebarDesktopOpen', sidebarDesktopOpen ? '1' : '0');":
    "sidebarDesktopOpen = !sidebarDesktopOpen",
  "if (!$event.metaKey && !$event.ctrlKey) selectItem(true, false)":
    "$event.metaKey || $event.ctrlKey || selectItem(true, false)",
  "if (!$event.metaKey && !$event.ctrlKey) selectItem(false, false)":
    "$event.metaKey || $event.ctrlKey || selectItem(false, false)",
  "activeTab && activeTab !== 'general' ? window.location.pathname + window.location.search + '#' + activeTab : window.location.pathname + window.location.search":
    "addressOfTab()",
  "window.location.href = $el.href + window.location.hash": "followWithTab($el.href)",
  // As a string it would be set as an attribute, which the policy forbids.
  "'width: ' + changeListWidth + 'px'": "{width: changeListWidth + 'px'}",
};

// Of a field that is chosen by select2, whose events are jQuery's.
const CHOSEN = /^const \$ = django\.jQuery;.* \$\('#[^']+'\);.*\{ (\w+) = select\.val\(\); \}/s;

const OPEN = "sidebarDesktopOpen";

function readable({ name, value }) {
  if (name.startsWith("x-")) {
    const chosen = CHOSEN.exec(value);
    value = chosen ? `keepChosen($el, $data, '${chosen[1]}')` : (SAID_OTHERWISE[value] ?? value);
  }
  return { name, value };
}

function page(tab) {
  return {
    activeTab: tab && (getCurrentTab() || tab),
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem(OPEN) !== "0",
    init() {
      this.$watch(OPEN, (isOpen) => localStorage.setItem(OPEN, isOpen ? "1" : "0"));
    },
    addressOfTab() {
      const here = location.pathname + location.search;
      return this.activeTab && this.activeTab !== "general" ? `${here}#${this.activeTab}` : here;
    },
    followWithTab(address) {
      location.href = address + location.hash;
    },
    keepChosen(select, data, name) {
      django.jQuery(select).on("change", () => {
        data[name] = select.value;
      });
    },
    moveRecords: (event) => moveRecords(event),
    sortRecords: (event) => sortRecords(event),
  };
}

// A form with conditional fields has unfold bind the fields of its inlines too, to names that nothing has.
function unbindInlines() {
  for (const field of document.querySelectorAll(".formset [x-model\\.fill]")) field.removeAttribute("x-model.fill");
}

document.addEventListener("alpine:init", () => {
  unbindInlines();
  Alpine.mapAttributes(readable);
  Alpine.data("page", page);
  Alpine.data("theme", (chosen) => theme(chosen));
  Alpine.data("searchCommand", () => searchCommand());
  Alpine.data("searchDropdown", () => searchDropdown());
  Alpine.data("searchForm", () => searchForm());
});
