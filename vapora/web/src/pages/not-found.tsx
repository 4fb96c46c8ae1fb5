import { link } from "../api/client";
import { useConnection } from "../lib/use-data";
import { Page } from "../ui/page";

export function NotFound() {
  useConnection();
  return (
    <Page heading="There is no such page">
      <p>
        Go to the <a href={link("/")}>board</a>.
      </p>
    </Page>
  );
}
