// Verifies tokens with jose. Reads one job from stdin, writes one result per token to stdout.
import { readFileSync } from "node:fs";
import { createLocalJWKSet, importJWK, jwtVerify } from "jose";

const { issuer, audience, jwks, tokens } = JSON.parse(readFileSync(0, "utf8"));
const published = createLocalJWKSet(jwks);

async function verify({ alg, token, jwk }) {
  try {
    const key = jwk ? await importJWK(jwk, alg) : published;
    const options = { issuer, audience, typ: "at+jwt", algorithms: [alg], requiredClaims: ["sub", "exp", "jti"] };
    const { payload, protectedHeader } = await jwtVerify(token, key, options);
    return { payload, header: protectedHeader };
  } catch (error) {
    return { error: error.code ?? String(error) };
  }
}

console.log(JSON.stringify(await Promise.all(tokens.map(verify))));
