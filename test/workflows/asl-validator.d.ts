declare module 'asl-validator' {
  /** Checks a definition of Amazon States Language; writes defaults into it. */
  export default function validate(definition: unknown): {
    readonly isValid: boolean;
    readonly errorsText: (separator: string) => string;
  };
}
