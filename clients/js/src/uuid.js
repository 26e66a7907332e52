/**
 * What makes random UUIDs (version 4) here. Throws at once where nothing does: not at the first refresh.
 * @returns {() => string}
 */
export function uuidSource() {
  const { crypto } = globalThis;
  if (typeof crypto?.randomUUID === "function") return () => crypto.randomUUID();
  if (typeof crypto?.getRandomValues === "function") return assembled; // a page over plain http
  throw new TypeError("There is no source of randomness here: pass randomUUID (expo-crypto has one).");
}

function assembled() {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
