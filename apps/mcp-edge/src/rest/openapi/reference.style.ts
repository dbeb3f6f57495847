/** The whole look of the reference page. */
export const REFERENCE_STYLE = `:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid; }
h3 { font-size: 1rem; margin-bottom: 0; }
code { font-family: ui-monospace, monospace; font-size: 0.9em; }
details { border: 1px solid #8888; border-radius: 4px; margin: 0.5rem 0; padding: 0.5rem 0.75rem; }
summary { cursor: pointer; }
summary code { font-weight: bold; margin-right: 0.5rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.5rem; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; }
`;
