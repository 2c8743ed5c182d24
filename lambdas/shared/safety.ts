/** What `startExecution.sync:2` answers of the safety backup. */
export interface SafetyResult {
  readonly Output?: { readonly backupId?: string };
}

export const safetyBackupIn = (safety: SafetyResult | undefined): string | undefined => safety?.Output?.backupId;
