import { Injectable } from '@nestjs/common';

/** Whether this process still wants calls. */
@Injectable()
export class Readiness {
  private closing = false;

  get isClosing(): boolean {
    return this.closing;
  }

  close(): void {
    this.closing = true;
  }
}
