const MAIL_LINE_BYTES = 76;
const WORD_BYTES = 45;

/** Lines that `git am` takes for the end of a message, for a header in it, or for the next mail. */
const MEANT_FOR_GIT = /^(?:---|diff -|Index: |(?:from|date|subject):|>*From )/gim;

export type PatchMail = { author: { name: string; email: string }; date: Date; message: string; diff: string };

/** An mbox of one mail from which `git am` makes a commit with this author, message and diff. */
export function patchMail({ author, date, message, diff }: PatchMail): string {
  const [subject = '', ...rest] = message.trim().split(/\r?\n/);
  const body = rest.join('\n').trim().replaceAll(MEANT_FOR_GIT, ' $&');
  const content = `${body}${body === '' ? '' : '\n'}---\n\n${diff}-- \ncodex-mcp\n`;
  // Git drops the CR at the end of a line in a mail, and an mbox is divided where a line begins with From.
  const asBase64 = /\r|^>*From /m.test(content);
  return [
    'From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001',
    `From: ${encodedWords(author.name)} <${author.email}>`,
    `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    `Subject: [PATCH] ${encodedWords(subject)}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=UTF-8',
    `Content-Transfer-Encoding: ${asBase64 ? 'base64' : '8bit'}`,
    '',
    asBase64 ? inLines(Buffer.from(content).toString('base64')) : content,
  ].join('\n');
}

const inLines = (base64: string): string => `${base64.match(new RegExp(`.{1,${MAIL_LINE_BYTES}}`, 'g'))?.join('\n') ?? ''}\n`;

/** As RFC 2047 has it for text that is not plain ASCII, and for what git would read as something else. */
function encodedWords(text: string): string {
  if (/^[\w .,'/()+*#!-]*$/.test(text)) return text;
  const words: string[] = [];
  let word = '';
  for (const character of text) {
    if (Buffer.byteLength(word + character) > WORD_BYTES) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`).join('\n ');
}
