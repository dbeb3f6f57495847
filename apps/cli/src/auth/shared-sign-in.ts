/** What its user should know of a ChatGPT sign-in that is in use and belongs to the Codex CLI. */
export const SHARED_SIGN_IN = 'shared with your Codex CLI: signing out there ends it here. `npm run auth -- login` makes one for codex-mcp alone';
