// Which page: by the address, each with what surrounds it.
import { render } from "preact";
import { Conversation } from "./app";
import { IncidentPage } from "./incident";
import { lazy } from "./lazy";
import { Permalink } from "./permalink";
import { place } from "./route";
import { Frame } from "./shell/frame";
import { OverviewPage } from "./shell/overview";
import "./style.css";

const Incidents = lazy(() => import("./shell/incidents").then((part) => part.IncidentsPage));
const Runbooks = lazy(() => import("./shell/runbooks").then((part) => part.RunbooksPage));
const Logs = lazy(() => import("./logs/page").then((part) => part.LogsPage));
const Charts = lazy(() => import("./metrics/page").then((part) => part.MetricsPage));
const Services = lazy(() => import("./map/page").then((part) => part.ServicesPage));
const Trace = lazy<{ id: string }>(() => import("./trace/page").then((part) => part.TracePage));
const Traces = lazy(() => import("./trace/traces").then((part) => part.TracesPage));

/** Pages that use all the width there is. */
const WIDE = new Set(["services", "logs", "traces", "trace", "charts"]);

function Page() {
  const [first, second, third] = place.value.parts;
  switch (first) {
    case undefined:
      return <OverviewPage />;
    case "ask":
      return <Conversation />;
    case "i":
      return second ? <IncidentPage key={second} code={second} /> : <Incidents />;
    case "incidents":
      return <Incidents />;
    case "e":
      return second && third ? <Permalink answer={second} id={third} /> : <Missing />;
    case "services":
      return <Services />;
    case "logs":
      return <Logs />;
    case "traces":
      return <Traces />;
    case "trace":
      return second ? <Trace id={second} /> : <Traces />;
    case "charts":
      return <Charts />;
    case "runbooks":
      return <Runbooks />;
    default:
      return <Missing />;
  }
}

function Missing() {
  return (
    <section class="welcome">
      <h1>There is no such page</h1>
      <p>
        <a href="/">To the overview</a>
      </p>
    </section>
  );
}

function Panel() {
  const [first, second, third] = place.value.parts;
  // In a frame of another page there is only the incident.
  if (first === "embed" && second === "i" && third) {
    return (
      <main class="embedded">
        <IncidentPage code={third} isEmbedded />
      </main>
    );
  }
  return (
    <Frame>{WIDE.has(first ?? "") ? <div class="wide"><Page /></div> : <Page />}</Frame>
  );
}

const root = document.getElementById("app");
if (root) render(<Panel />, root);
