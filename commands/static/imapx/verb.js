// The form of a verb: its argument vector as rows, and what would run for sample arguments.

import { edit } from "./verb-argv.js";
import { Sample } from "./verb-sample.js";

const form = document.getElementById("verb_form");
const argv = document.getElementById("id_argv");
const section = document.getElementById("verb-sample");

if (form && argv instanceof HTMLTextAreaElement) edit(form, argv);
if (form && section) new Sample(form, section);
