// Shows times in the zone of whoever looks at them. The server writes them in its own, and the exact one as the title.

const two = (number) => String(number).padStart(2, "0");

/** A Date as the server would write it, to the second: no wider and no narrower. */
export function written(at) {
    const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
    return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
}

/** Rewrite each <time datetime="…T…"> below `root`, and in each [data-zone] which zone that is. May be called again. */
export function localise(root = document) {
    for (const time of root.querySelectorAll('time[datetime*="T"]')) {
        const at = new Date(time.dateTime);
        if (!Number.isNaN(at.getTime()) && time.textContent !== written(at)) time.textContent = written(at);
    }
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const place of zone ? root.querySelectorAll("[data-zone]") : []) place.textContent = zone;
}

/** A new <time> of a Date, which has milliseconds alone. */
export function timeElement(at) {
    const time = document.createElement("time");
    time.dateTime = at.toISOString();
    time.title = time.dateTime.replace("T", " ").replace("Z", " UTC");
    time.className = "whitespace-nowrap";
    time.textContent = written(at);
    return time;
}

localise();
