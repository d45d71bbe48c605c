/** A small working folder that `tidemill init` writes. */
export interface Template {
  readonly name: string;
  readonly summary: string;
  readonly eventSource: string;
  readonly sensor: string;
  readonly test: string;
  /** Lines of shell that let the first event happen; `#` begins what is said about the next one. */
  readonly firstEvent: readonly string[];
  /** What must be there before, a sentence each. */
  readonly needs: readonly string[];
}

/** The files of a template by name. The same template gives the same bytes. */
export function filesOf(template: Template): ReadonlyMap<string, string> {
  return new Map([
    ["eventsource.yaml", template.eventSource],
    ["sensor.yaml", template.sensor],
    ["sensor.test.yaml", template.test],
    ["README.md", readme(template)],
  ]);
}

function readme({ summary, needs, firstEvent }: Template): string {
  const before = needs.length === 0 ? "" : `\nIt needs:\n\n${needs.map((need) => `- ${need}\n`).join("")}`;
  return `# ${summary}

The manifests are those of Argo Events, and run there unchanged.
${before}
\`\`\`sh
# check the manifests, and run the test beside them
tidemill lint .
tidemill test .

# run them, again at each change
tidemill dev .

${firstEvent.join("\n")}

# what became of it, and why
tidemill events ls
tidemill why EVENT
\`\`\`

| file | what it is |
| --- | --- |
| eventsource.yaml | where events come from |
| sensor.yaml | which of them count, and what is done then |
| sensor.test.yaml | what must happen when; no network, no clock |
`;
}
