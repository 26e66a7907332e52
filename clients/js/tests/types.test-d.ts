// Compiled, never run: what a TypeScript application may and may not write.

import { createClient, LanyardError, memoryStorage, type Event, type LanyardClient } from "drf-lanyard-client";
import { createClient as createNative } from "drf-lanyard-client/native";

interface User {
  username: string;
}
interface Claims {
  roles: string[];
}

const client: LanyardClient<User, Claims> = createClient<User, Claims>({ baseUrl: "/auth/", transport: "cookie" });

export async function use(): Promise<string> {
  const account = await client.login({ username: "alice", password: "…", device: "laptop", otp: 123456 });
  const roles: string[] = client.claims?.roles ?? account.claims.roles;
  const unsubscribe: () => void = client.subscribe((event: Event<User, Claims>) => {
    if (event.type === "signed-out") console.log(event.reason);
  });
  unsubscribe();
  const response: Response = await client.fetch(new URL("https://api.example.com/"), { method: "POST" });
  try {
    await client.changePassword({ oldPassword: "a", newPassword: "b" });
  } catch (error) {
    if (error instanceof LanyardError && error.temporary) return String(error.retryAfter ?? error.status);
  }
  return (await client.sessions())[0]?.id ?? roles[0] ?? response.statusText;
}

createNative({ baseUrl: "https://api.example.com/auth/", storage: memoryStorage() });

// @ts-expect-error: a transport that does not exist
createClient({ baseUrl: "/auth/", transport: "localStorage" });
// @ts-expect-error: where to?
createClient({});
// @ts-expect-error: a native client has a storage
createNative({ baseUrl: "https://api.example.com/auth/" });
// @ts-expect-error: a native client is a bearer
createNative({ baseUrl: "https://api.example.com/auth/", storage: memoryStorage(), transport: "cookie" });
// @ts-expect-error: nobody may be signed in
export const name: string = client.user.username;
// @ts-expect-error: not for applications to set
client.claims = null;
// @ts-expect-error: no password
void client.login({ username: "alice" });
