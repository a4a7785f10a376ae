// Parts of the panel that are only loaded where they are shown.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** A component that is fetched when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let known: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [View, setView] = useState<ComponentType<P> | undefined>(() => known);
    const [isGone, setIsGone] = useState(false);
    useEffect(() => {
      if (View) return;
      load().then(
        (loaded) => {
          known = loaded;
          setView(() => loaded);
        },
        () => setIsGone(true),
      );
    }, []);
    // After an update of the server the files of the page that is open are no longer there.
    if (isGone) return <p role="alert">This part could not be loaded; reload the page.</p>;
    return View ? <View {...props} /> : <p class="quiet">Loading…</p>;
  };
}
