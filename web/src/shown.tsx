// A view as it stands: on its way, behind a token, failed, or here.
import type { ComponentChild } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Loaded } from "./api";
import { visible } from "./text";
import { keepToken } from "./token";
import { TokenForm } from "./tokenform";

/** What comes sooner than this needs no word that it is coming. */
const QUIET_MS = 200;

interface Props<T> {
  loaded: Loaded<T>;
  show: (view: T) => ComponentChild;
  /** Asks again: after a failure, or with the token that was just given. */
  again: () => void;
}

export function Shown<T>({ loaded, show, again }: Props<T>) {
  if (loaded.at === "here") return <>{show(loaded.view)}</>;
  if (loaded.at === "loading") return <Loading />;
  if (loaded.at === "token") return <TokenGate again={again} />;
  return (
    <div class="notice view-failed" role="alert">
      <p>{visible(loaded.why.slice(0, 2000))}</p>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

/** Asks for the token, keeps it for this tab and asks the server again. */
export function TokenGate({ again }: { again: () => void }) {
  return (
    <TokenForm
      use={(token) => {
        keepToken(token);
        again();
      }}
    />
  );
}

function Loading() {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), QUIET_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p class="view-loading" role="status">
      {isLate && "Loading…"}
    </p>
  );
}
