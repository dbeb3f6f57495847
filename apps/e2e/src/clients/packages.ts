/** The clients that `npm run clients` installs for itself, at these versions. Too large for everybody's `npm ci`: 600 MB. */
export const CLIENT_PACKAGES = {
  '@ai-sdk/mcp': '2.0.99',
  '@anthropic-ai/claude-code': '2.1.330',
  '@modelcontextprotocol/inspector': '2.12.0',
  '@openai/agents': '0.20.0',
  'mcp-remote': '0.15.1',
  mcporter: '0.12.3',
} as const;

/** Some of them need a newer Node than this repository; npm has it as a package for each platform. */
export const NODE_VERSION = '24.21.0';
