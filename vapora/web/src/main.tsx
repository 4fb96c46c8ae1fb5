import "virtual:uno.css";
import "./styles/base.css";
import { render } from "preact";
import { App } from "./app";
import "./state/preferences";
import "./state/notices";

render(<App />, document.getElementById("app") as HTMLElement);
