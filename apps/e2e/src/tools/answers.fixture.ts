import type { TURN_TOOLS } from '@codex-mcp/tools';

type Example = { readonly args: Record<string, unknown>; readonly answer: Record<string, unknown> };

const finding = { file: 'src/a.ts', line: 3, severity: 'high', title: 'off by one', explanation: 'the last one is lost', recommendation: 'use <=' };

/** For each tool whose answer is structured: arguments, and what the model answers. */
export const EXAMPLES: Readonly<Record<Exclude<keyof typeof TURN_TOOLS, 'chat'>, Example>> = {
  plan: {
    args: { task: 'plan the release', constraints: { deadline: 'Friday' } },
    answer: {
      summary: 'two steps',
      steps: [{ title: 'tag', description: 'git tag', target_files: ['package.json'], rationale: 'releases are tags' }],
      architectural_decisions: [{ decision: 'tags', rationale: 'simple', alternatives: ['branches'] }],
      risks: [{ risk: 'wrong tag', mitigation: 'sign it', severity: 'low' }],
      open_questions: ['which version?'],
    },
  },
  implement: {
    args: { task: 'implement it', target_files: ['src/a.ts'], context_files: 'README.md' },
    answer: { summary: 'done', explanation: 'as asked', integration_notes: ['restart'], follow_ups: ['tests'] },
  },
  review: {
    args: { content: 'the uncommitted changes', focus_areas: ['errors'] },
    answer: { summary: 'one defect', verdict: 'request_changes', findings: [{ ...finding, category: 'correctness' }], strengths: ['small'] },
  },
  fix: {
    args: { symptoms: ['it crashes'], error_output: 'TypeError' },
    answer: { summary: 'fixed', root_cause: 'src/a.ts:3', explanation: 'bounds', integration_notes: [], prevention: ['a test'], follow_ups: ['more'] },
  },
  audit: {
    args: { code: 'src/auth', severity_threshold: 'HIGH', compliance_standards: 'OWASP ASVS 4.0' },
    answer: { summary: 'one hole', findings: [{ ...finding, category: 'injection', cwe: 'CWE-89', evidence: 'db.query(input)' }] },
  },
  debug: {
    args: { error_message: 'ECONNREFUSED', stack_trace: 'at connect (net.js:1)', reproduction_steps: ['start it'] },
    answer: {
      summary: 'nobody listens',
      hypotheses: [{ cause: 'the server is down', likelihood: 'high', evidence: 'config.ts:1' }],
      approaches: [{ title: 'start it', steps: ['npm start'], trade_offs: 'none' }],
      next_checks: ['ss -ltn'],
    },
  },
};
