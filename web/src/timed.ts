// A view of a stretch of time, and the stretch in the address: absolute, so that a link shows the same to others.
import { useEffect, useRef } from "preact/hooks";
import { query, useView, type Loaded } from "./api";
import { parameter, set } from "./route";

interface Stretch {
  from: string;
  to: string;
}

/** The view behind `path` for the address' `from` and `to`; where one is missing, the server chooses and its choice is written into the address. */
export function useTimed<T extends Stretch>(path: string, more: Record<string, string | undefined>, again: number): Loaded<T> {
  const [from, to] = [parameter("from"), parameter("to")];
  const isOpen = !from || !to;
  const wanted = query(path, { from, to, ...more });
  // The server's choice makes another address of the same view: it is not asked for twice.
  const settled = useRef({ wanted: "", path: "" });
  const opened = useRef({ isOpen: false, times: 0 });
  if (isOpen && !opened.current.isOpen) opened.current.times += 1;
  opened.current.isOpen = isOpen;
  const isSettled = settled.current.wanted === wanted;
  // "Now" is another time at each visit: what was kept of it does not count.
  const loaded = useView<T>(isSettled ? settled.current.path : wanted, again + (isOpen || isSettled ? opened.current.times : 0));
  useEffect(() => {
    if (loaded.at !== "here" || !isOpen) return;
    const stretch = { from: loaded.view.from, to: loaded.view.to };
    settled.current = { wanted: query(path, { ...stretch, ...more }), path: wanted };
    set(stretch, "replace");
  }, [loaded]);
  return loaded;
}
