/** A config.toml with which Codex itself, not an agent of ours, talks to the fake model and to nobody else; tables may be added to it. */
export function fakeProviderConfig(baseUrl: string): string {
  return `model_provider = "fake"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false
[model_providers.fake]
name = "fake"
base_url = "${baseUrl}"
wire_api = "responses"
`;
}
