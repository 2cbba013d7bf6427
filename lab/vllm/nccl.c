/* The lab's stand-in for NCCL: it has a version and does nothing. NCCL_VERSION is 23007 for 2.30.7. */

int ncclGetVersion(int *version) {
  *version = NCCL_VERSION;
  return 0;
}
