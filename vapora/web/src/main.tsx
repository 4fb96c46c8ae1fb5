import "virtual:uno.css";
import "./styles/base.css";
import { render } from "preact";
import { App } from "./app";
import { redeemed } from "./state/operator";
import "./state/preferences";
import "./state/notices";
import { tell } from "./state/toasts";

void redeemed.then((problem) => {
  render(<App />, document.getElementById("app") as HTMLElement);
  if (problem) tell(`This page may not have commands run: ${problem}`, "bad", "Open the address that `vapora up` prints.");
});
