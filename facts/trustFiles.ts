/** The files in ~/.ssh that have a block of ours. */
export const TRUST_FILES = ["authorized_keys", "known_hosts", "config"] as const;
export type TrustFile = (typeof TRUST_FILES)[number];
