import { Page } from "../ui/page";

export function NotFound() {
  return (
    <Page heading="There is no such page">
      <p>
        Go to the <a href="/">board</a>.
      </p>
    </Page>
  );
}
