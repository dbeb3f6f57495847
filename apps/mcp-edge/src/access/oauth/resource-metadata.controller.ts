import { Controller, Get, Inject } from '@nestjs/common';
import type { EdgeConfig } from '../../edge.config.js';
import { EDGE_CONFIG } from '../../edge.tokens.js';
import { HttpProblem } from '../../http/http-problem.js';
import { RESOURCE_PATHS } from './oauth.config.js';
import { resourceMetadata, WELL_KNOWN } from './resource-metadata.js';

/** What OAuth clients look for first. Needs no token and tells nothing of callers. */
@Controller()
export class ResourceMetadataController {
  constructor(@Inject(EDGE_CONFIG) private readonly config: EdgeConfig) {}

  @Get(WELL_KNOWN)
  whole(): object {
    return this.describe('');
  }

  @Get(`${WELL_KNOWN}/mcp`)
  mcp(): object {
    return this.describe('/mcp');
  }

  @Get(`${WELL_KNOWN}/sse`)
  sse(): object {
    return this.describe('/sse');
  }

  private describe(path: (typeof RESOURCE_PATHS)[number]): object {
    const { oauth } = this.config;
    if (!oauth) throw new HttpProblem(404, 'no_oauth', 'This server takes no OAuth tokens: MCP_OAUTH_ISSUER is not set.');
    return resourceMetadata(oauth, path);
  }
}
