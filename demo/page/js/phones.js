// Phones that this page plays: sessions of their own, signed in without this browser's cookies, calling the API all the
// time. So one sees on one screen how somebody else's credentials die.

import { account, AUTH } from "./account.js";
import { Witness } from "./witness.js";

/** @typedef {{session: string, witness: Witness, show: (draw: () => void) => void}} Phone */

/** @type {Map<string, Phone>} */
const phones = new Map();

/** @param {string} session */
export function findPhone(session) {
  return phones.get(session);
}

/** Sign a phone in. It needs the password again: this page has not kept it. @param {string} password */
export async function addPhone(password) {
  const body = { username: account.name, password, device: `Pretend phone ${phones.size + 1}`, transport: "hybrid" };
  const response = await fetch(`${AUTH}login/`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit", // or it would sign this page out: a browser has one set of cookies
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail), answer);
  phones.set(answer.session, phone(answer.session, answer.access));
}

/** @param {string} session @param {string} access @returns {Phone} */
function phone(session, access) {
  let draw = () => {};
  const witness = new Witness(`Bearer ${access}`, () => draw()).start();
  const show = (/** @type {() => void} */ how) => {
    draw = how;
    draw();
  };
  return { session, witness, show };
}

/** Somebody else may be next at this screen. */
export function putPhonesAway() {
  for (const { witness } of phones.values()) witness.stop();
  phones.clear();
}
