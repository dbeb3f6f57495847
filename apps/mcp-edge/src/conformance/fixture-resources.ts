import type { ReadResourceResult, Resource, ResourceTemplateType } from '@modelcontextprotocol/server';

/** One red pixel. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';

const CONTENTS: Readonly<Record<string, ReadResourceResult['contents'][number]>> = {
  'test://static-text': { uri: 'test://static-text', mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { uri: 'test://static-binary', mimeType: 'image/png', blob: PNG },
  'test://watched-resource': { uri: 'test://watched-resource', mimeType: 'text/plain', text: 'watched' },
};

export const FIXTURE_RESOURCES: Resource[] = Object.values(CONTENTS).map(({ uri, mimeType }) => ({ uri, name: uri.slice('test://'.length), ...(mimeType && { mimeType }) }));

export const FIXTURE_TEMPLATES: ResourceTemplateType[] = [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }];

export function readFixture(uri: string): ReadResourceResult | undefined {
  const [, id] = /^test:\/\/template\/([^/]+)\/data$/.exec(uri) ?? [];
  if (id !== undefined) return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] };
  const content = CONTENTS[uri];
  return content && { contents: [content] };
}
