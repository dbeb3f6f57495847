import { describe, expect, test } from '@jest/globals';
import { findDirective } from './directive.js';

const step = { text: 'say "hi" >> & {bye}', shell: 'echo <<EOF' };
const directive = `<<fake ${JSON.stringify(step)}>>`;
const xml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

describe('findDirective', () => {
  test.each([
    ['as it is', directive],
    ['between other text', `Please do this.\n${directive}\nThanks, {"a": ">>"} <b>`],
    ['in a JSON string', JSON.stringify({ task: directive, note: 'x' })],
    ['in a JSON string in a JSON string', JSON.stringify({ outer: JSON.stringify({ task: directive }) })],
    ['in a JSON string with < escaped', JSON.stringify({ task: directive }).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e')],
    ['in XML text', `<task id="1">${xml(directive)}</task>`],
    ['in XML text, not escaped', `<task id="1">${directive}</task>`],
    ['in JSON in XML text', `<task>${xml(JSON.stringify({ task: directive }))}</task>`],
    ['in XML text in JSON', JSON.stringify({ prompt: `<task>${xml(directive)}</task>` })],
  ])('finds a directive %s', (_, text) => {
    expect(findDirective(text)).toEqual([step]);
  });

  test('takes the last of several', () => {
    expect(findDirective('<<fake {"text":"a"}>> <<fake {"steps":[{"text":"b"},{"text":"c"}]}>>')).toEqual([{ text: 'b' }, { text: 'c' }]);
  });

  test('finds none in ordinary text', () => {
    expect(findDirective('cat <<EOF >> fake { "text": 1 }')).toBeUndefined();
  });

  test.each([
    ['a field that does not exist', '<<fake {"txt":"a"}>>', /txt/],
    ['no steps', '<<fake {"steps":[]}>>', /steps/],
    ['broken JSON', '<<fake {"text":}>>', /not a directive/],
    ['no end', '<<fake {"text":"a"', /not a directive/],
  ])('refuses a directive with %s', (_, text, message) => {
    expect(() => findDirective(text)).toThrow(message);
  });
});
