/** An error as a Catch sees it. The interpreter takes `Error` from the name and `Cause` from the message. */
export class SeenError extends Error {
  constructor(error: string, cause = '') {
    super(cause);
    this.name = error;
  }
}
