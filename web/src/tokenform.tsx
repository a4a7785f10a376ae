// Asks for the server's token where it demands one.
import { useRef } from "preact/hooks";
import { hasToken } from "./token";

export function TokenForm({ use }: { use: (token: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        const token = field.current?.value.trim();
        if (token) use(token);
      }}
    >
      {hasToken() && <p role="alert">The server did not take that token.</p>}
      <label for="token">This server asks for its token. It is kept in this tab only.</label>
      <div class="row">
        <input id="token" ref={field} type="password" autocomplete="current-password" />
        <button type="submit">Connect</button>
      </div>
    </form>
  );
}
