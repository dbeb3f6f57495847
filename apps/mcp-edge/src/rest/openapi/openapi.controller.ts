import { Controller, Get, Header, Inject } from '@nestjs/common';
import { EDGE_PROCESS, type EdgeProcess } from '../../edge.tokens.js';
import { openApiDocument } from './openapi.document.js';
import { referencePage } from './reference.page.js';
import { REFERENCE_STYLE } from './reference.style.js';

const CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const CACHE_CONTROL = 'public, max-age=300';

/** What the REST API is, for programs and for people. The same for every caller and without anything of theirs, so it asks for no token. */
@Controller()
export class OpenApiController {
  private readonly document: string;
  private readonly page: string;

  constructor(@Inject(EDGE_PROCESS) self: EdgeProcess) {
    const document = openApiDocument(self.version);
    this.document = JSON.stringify(document);
    this.page = referencePage(document);
  }

  @Get('openapi.json')
  @Header('Content-Type', 'application/json; charset=utf-8')
  @Header('Cache-Control', CACHE_CONTROL)
  openapi(): string {
    return this.document;
  }

  @Get('docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', CONTENT_SECURITY_POLICY)
  @Header('Cache-Control', CACHE_CONTROL)
  docs(): string {
    return this.page;
  }

  @Get('docs/style.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Header('Cache-Control', CACHE_CONTROL)
  style(): string {
    return REFERENCE_STYLE;
  }
}
