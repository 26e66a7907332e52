// How times, durations and answers are said.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 minutes ago", of an ISO date. @param {string | null} iso */
export function ago(iso) {
  if (!iso) return "never";
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? [];
  return unit && length ? relative.format(Math.round(seconds / length), unit) : "just now";
}

/** @param {string} iso */
export function when(iso) {
  return moment.format(new Date(iso));
}

/** "4:32", of seconds. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A token as it may be shown. @param {string} token */
export function shortened(token) {
  return `${token.slice(0, 8)}… (${token.length} characters)`;
}

/** A path without most of the ids in it. @param {string} path */
export function brief(path) {
  return path.replace(/([0-9a-f]{6})[0-9a-f]{2}-[0-9a-f-]{27}/g, "$1…");
}

/** "Firefox on Linux". @param {string} agent what a browser says of itself */
export function browserOf(agent) {
  const browser = /Firefox|Edg|Chrome|Safari/.exec(agent)?.[0].replace("Edg", "Edge") ?? agent.split(/[/ ]/)[0];
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(agent)?.[0];
  return system ? `${browser} on ${system}` : browser || "A device";
}

/** @param {number} count @param {string} one @param {string} [many] */
export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** What went wrong, for people. @param {unknown} error */
export function complaintOf(error) {
  const { message = String(error), errors = null } = /** @type {{message?: string, errors?: unknown}} */ (error ?? {});
  if (!errors) return message;
  return Object.values(errors).flat().map(String).join(" ") || message;
}
