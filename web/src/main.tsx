// Which page: a permalink to evidence, or the conversation.
import { render } from "preact";
import { App } from "./app";
import { Permalink } from "./permalink";
import "./style.css";

const [, place, answer, id] = location.pathname.split("/");
const root = document.getElementById("app");
if (root) render(place === "e" && answer && id ? <Permalink answer={decodeURIComponent(answer)} id={decodeURIComponent(id)} /> : <App />, root);
