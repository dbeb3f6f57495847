import { textWithDefault } from '@codex-mcp/config';
import { egressTarget } from '@codex-mcp/contracts';
import { entriesOf, parseListedHost } from '../addresses/listed-host.js';

/** A host, or all below `*.`, with a port, that agents may reach. */
export type EgressRule = {
  /** As a target is written: `packages.example.org`, `*.example.org:8443`. */
  name: string;
  /** The only address of the host, where the operator has named one; else a public one. */
  address: string | undefined;
};

/** Hosts separated by ",": `host`, `host:port`, `host=address`, `*.host`; without a port it is 443. */
export const egressRules = () =>
  textWithDefault('').transform((value, context) => {
    const rules: EgressRule[] = [];
    for (const entry of entriesOf(value)) {
      const listed = parseListedHost(entry);
      if (listed) rules.push({ name: egressTarget(`${listed.host}:${listed.port ?? 443}`), address: listed.address });
      else context.addIssue({ code: 'custom', message: `has "${entry}", which is not a host such as packages.example.org, *.example.org:8443 or packages.example.org=10.1.2.3` });
    }
    return rules;
  }).meta({ default: '' });
