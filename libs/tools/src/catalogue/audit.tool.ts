import { z } from 'zod';
import { location, place, Severity, severity } from '../answers/finding.schema.js';
import { choice, fileList, list, text } from '../arguments/argument.schema.js';
import { ANSWER, EVIDENCE, prompt, READ_ONLY, section, untrusted, WORKSPACE } from '../prompts/prompt.js';
import { findingsText } from '../rendering/findings.js';
import { blocks, titled } from '../rendering/markdown.js';
import { turnText } from '../rendering/turn.js';
import { defineTurnTool } from '../tool.js';

const Finding = z.object({
  ...place,
  ...severity,
  category: z.string().optional().describe('Such as injection, access control, cryptography, quality'),
  title: z.string(),
  explanation: z.string().describe('How it can be exploited or go wrong, and what follows'),
  cwe: z.string().optional().describe('Such as CWE-89; only when certain'),
  cve: z.string().optional().describe('Only for a known vulnerable version that is really used here'),
  standard: z.string().optional().describe('The clause of a named compliance standard that it violates'),
  evidence: z.string().optional().describe('The code or configuration that shows it'),
  recommendation: z.string(),
});

export const audit = defineTurnTool({
  name: 'audit',
  title: 'Audit code',
  description:
    'Codex audits code for security and quality without changing anything: findings with file, line, severity, evidence and a recommendation, with CWE, CVE and compliance clauses only where they are certain.',
  access: 'read',
  changes: 'if_any',
  fileArguments: { existing: ['file_paths'] },
  arguments: {
    code: text('What to audit: code, or where it lies in the workspace, such as "src/auth"'),
    file_paths: fileList('Files that the code is from or that belong to the audit').optional(),
    focus_areas: list('What to look at in particular, such as authentication or input validation').optional(),
    severity_threshold: choice(Severity, 'Leave out findings below this severity').optional(),
    compliance_standards: list('Standards to check against, such as OWASP ASVS 4.0 or PCI DSS').optional(),
  },
  answer: { summary: z.string(), findings: z.array(Finding) },
  measured: { findings: z.array(Finding.extend(location)) },
  prompt: (args) =>
    prompt(
      `Audit the security and quality of what <code> holds or names. ${WORKSPACE} ${READ_ONLY}`,
      'Follow data from where an attacker controls it to where it does harm, and check who calls the code before you report it; no findings is a valid result. ' +
        'Give a CWE, a CVE or a clause of a standard only when you are certain that it exists and applies; otherwise null. ' +
        `severity is what follows in this code base, not in general. ${EVIDENCE}`,
      args.severity_threshold && `Report only findings of severity ${args.severity_threshold} or above.`,
      untrusted('code'),
      section('code', args.code),
      section('file_paths', args.file_paths),
      section('focus_areas', args.focus_areas),
      section('compliance_standards', args.compliance_standards),
      ANSWER,
    ),
  render: (output) => turnText(blocks(output.summary, titled('Findings', findingsText(output.findings) || 'None.')), output),
});
