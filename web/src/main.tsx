// Which page: a permalink to evidence, or the conversation.
import { render } from "preact";
import { App } from "./app";
import { Permalink } from "./permalink";
import "./style.css";

const evidence = /^\/e\/([\w-]+)\/([\w-]+)$/.exec(location.pathname);
const root = document.getElementById("app");
if (root) render(evidence?.[1] && evidence[2] ? <Permalink answer={evidence[1]} id={evidence[2]} /> : <App />, root);
