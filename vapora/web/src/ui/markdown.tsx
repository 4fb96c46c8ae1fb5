/** Markdown that somebody else wrote, as elements of ours: no HTML of theirs is taken over, and no image is loaded. */
import type { Nodes, RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { safeLink } from "../lib/safe-link";

export function Markdown({ text }: { text: string }) {
  const shown = useMemo(() => {
    const root = fromMarkdown(text, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] });
    const links = new Map(root.children.flatMap((one) => (one.type === "definition" ? [[one.identifier, one.url] as const] : [])));
    return root.children.map((one, at) => <Shown key={at} node={one} links={links} />);
  }, [text]);
  return (
    <div class="markdown" dir="auto">
      {shown}
    </div>
  );
}

type Links = ReadonlyMap<string, string>;

function Shown({ node, links }: { node: Nodes; links: Links }): ComponentChildren {
  const inner = "children" in node ? (node.children as RootContent[]).map((one, at) => <Shown key={at} node={one} links={links} />) : null;
  switch (node.type) {
    case "text":
      return node.value;
    // Their HTML is text: it is shown as it was written.
    case "html":
      return <code>{node.value}</code>;
    case "heading": {
      // The page has a heading of its own.
      const Heading = `h${Math.min(6, node.depth + 1)}` as "h2";
      return <Heading>{inner}</Heading>;
    }
    case "paragraph":
      return <p>{inner}</p>;
    case "emphasis":
      return <em>{inner}</em>;
    case "strong":
      return <strong>{inner}</strong>;
    case "inlineCode":
      return <code>{node.value}</code>;
    case "code":
      return (
        <pre tabIndex={0} role="region" aria-label={node.lang ? `Code, ${node.lang}` : "Code"}>
          <code>{node.value}</code>
        </pre>
      );
    case "blockquote":
      return <blockquote>{inner}</blockquote>;
    case "list":
      return node.ordered ? <ol start={node.start ?? 1}>{inner}</ol> : <ul>{inner}</ul>;
    case "listItem":
      return <li>{inner}</li>;
    case "thematicBreak":
      return <hr />;
    case "break":
      return <br />;
    case "link":
      return <Link url={node.url}>{inner}</Link>;
    case "linkReference":
      return <Link url={links.get(node.identifier) ?? ""}>{inner}</Link>;
    case "image":
      return <Link url={node.url}>Image: {node.alt || node.url}</Link>;
    case "imageReference":
      return <Link url={links.get(node.identifier) ?? ""}>Image: {node.alt || node.identifier}</Link>;
    case "table":
      return (
        <div class="overflow-x-auto" tabIndex={0} role="region" aria-label="Table">
          <table>
            {node.children.map((row, at) => (
              <tr key={at}>
                {row.children.map((one, column) => {
                  const said = one.children.map((part, of) => <Shown key={of} node={part} links={links} />);
                  return at === 0 ? <th key={column}>{said}</th> : <td key={column}>{said}</td>;
                })}
              </tr>
            ))}
          </table>
        </div>
      );
    default:
      return inner;
  }
}

function Link({ url, children }: { url: string; children: ComponentChildren }) {
  const address = safeLink(url);
  if (!address) return <span>{children}</span>;
  return (
    <a href={address} rel="noopener noreferrer nofollow" target={/^https?:/i.test(address) ? "_blank" : undefined}>
      {children}
    </a>
  );
}
