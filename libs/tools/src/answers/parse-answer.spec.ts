import { describe, expect, it } from '@jest/globals';
import { TURN_TOOLS } from '../catalogue/catalogue.js';
import { parseAnswer } from './parse-answer.js';

const finding = { file: 'a.ts', line: 3, end_line: null, severity: 'high', category: null, title: 't', explanation: 'e', recommendation: 'r' };
const reviewed = { summary: 's', verdict: null, findings: [finding], strengths: null };

const problemOf = (text: string) => {
  const parsed = parseAnswer(TURN_TOOLS.review, text);
  return parsed.ok ? undefined : parsed.problem;
};

describe('parseAnswer', () => {
  it('turns null into absence at every depth and adds nothing', () => {
    expect(parseAnswer(TURN_TOOLS.review, JSON.stringify(reviewed))).toEqual({
      ok: true,
      answer: { summary: 's', findings: [{ file: 'a.ts', line: 3, severity: 'high', title: 't', explanation: 'e', recommendation: 'r' }] },
    });
    const parsed = parseAnswer(TURN_TOOLS.review, JSON.stringify(reviewed));
    expect(parsed.ok && Object.keys(parsed.answer)).toEqual(['summary', 'findings']);
  });

  it.each(['```json\n%\n```', '```\n%\n```', '\n```JSON \r\n%\r\n```\n', '  %  '])('reads JSON in %j', (form) => {
    expect(parseAnswer(TURN_TOOLS.review, form.replace('%', JSON.stringify(reviewed, null, 2))).ok).toBe(true);
  });

  it('keeps a fence that belongs to the answer', () => {
    const summary = '```json\n{}\n```';
    expect(parseAnswer(TURN_TOOLS.review, JSON.stringify({ ...reviewed, summary }))).toMatchObject({ ok: true, answer: { summary } });
  });

  it.each([
    ['nothing', '  ', 'The final message is empty.'],
    ['prose', 'All good!', 'The final message is not valid JSON: '],
    ['a cut answer', JSON.stringify(reviewed).slice(0, -5), 'The final message is not valid JSON: '],
    ['a list', '[]', 'it must be an object, not a list'],
    ['a missing property', '{"findings":[]}', 'summary is missing (expected a string)'],
    ['null for a required property', '{"summary":null,"findings":[]}', 'summary is missing (expected a string)'],
    ['a word outside the enum', JSON.stringify({ summary: 's', findings: [{ ...finding, severity: 'bad' }] }), 'findings[0].severity must be one of "critical", "high", "medium", "low", "info", not "bad"'],
    ['a wrong type', JSON.stringify({ summary: 's', findings: [{ ...finding, line: '3' }] }), 'findings[0].line must be a number, not "3"'],
    ['an impossible line', JSON.stringify({ summary: 's', findings: [{ ...finding, line: 0 }] }), 'findings[0].line must be more than 0, not 0'],
    ['null in a list', '{"summary":"s","findings":[null]}', 'findings[0] must be an object, not null'],
  ])('says what is wrong with %s', (_, text, problem) => {
    expect(problemOf(text)).toContain(problem);
  });

  it('names at most eight problems and counts the rest', () => {
    const problem = problemOf(JSON.stringify({ summary: 's', findings: Array.from({ length: 11 }, () => ({ ...finding, title: 1 })) }));
    expect(problem).toContain('findings[7].title');
    expect(problem).not.toContain('findings[8].title');
    expect(problem).toContain('and 3 more');
  });

  it('takes any text as the answer of chat, fences included', () => {
    expect(parseAnswer(TURN_TOOLS.chat, 'Hi.\n```json\n{}\n```')).toEqual({ ok: true, answer: { answer: 'Hi.\n```json\n{}\n```' } });
    expect(parseAnswer(TURN_TOOLS.chat, ' \n')).toEqual({ ok: false, problem: 'The final message is empty.' });
  });
});
