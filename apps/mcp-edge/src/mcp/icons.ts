const svg = (content: string): string => `data:image/svg+xml;base64,${Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#0f766e" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${content}</svg>`).toString('base64')}`;

const icon = (content: string) => [{ src: svg(content), mimeType: 'image/svg+xml', sizes: ['any'] }];

/** A prompt in a terminal. */
export const SERVER_ICONS = icon('<rect x="2" y="4" width="20" height="16" rx="3"/><path d="M6 9l4 3-4 3M13 15h5"/>');
/** A speech bubble. */
export const PROMPT_ICONS = icon('<path d="M4 4h16v12H10l-5 4v-4H4z"/>');
/** A sheet of paper. */
export const RESOURCE_ICONS = icon('<path d="M6 2h9l4 4v16H6zM14 2v5h5M9 12h7M9 16h7"/>');
